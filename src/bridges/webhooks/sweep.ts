import type { Sql } from "../../platform/postgres/sql.ts";
import { repeatUntilEmpty } from "../../platform/postgres/sweep-batches.ts";
import type { WebhookLogger } from "./deps.ts";
import { LIMITS } from "./limits.ts";
import { disableEndpoint, listEndpoints } from "./store/endpoints.ts";
import { deleteParked } from "./store/parked.ts";
import { lockEndpoints } from "./store/recording.ts";
import { countPending, deleteBeyond, deleteEnded, giveUpWaiting } from "./store/sweeping.ts";

/** Removes what has passed its retention, and what exceeds the limits. In short steps; safe to repeat, and to run on several nodes. */
export async function sweep(sql: Sql, logger: WebhookLogger): Promise<void> {
  await repeatUntilEmpty(() => deleteEnded(sql, "delivered", LIMITS.deliveredRetentionMs));
  await repeatUntilEmpty(() => deleteEnded(sql, "failed", LIMITS.failedRetentionMs));
  await deleteParked(sql, LIMITS.failedRetentionMs);
  for (const { id, disabled_at } of await listEndpoints(sql)) {
    await repeatUntilEmpty(() => deleteBeyond(sql, id, LIMITS.ended));
    if (disabled_at !== null) {
      await repeatUntilEmpty(() =>
        sql.begin(async (tx) => {
          await lockEndpoints(tx, [id]);
          return giveUpWaiting(tx, id, LIMITS.waitingRetentionMs);
        }),
      );
    } else if ((await countPending(sql, id, LIMITS.backlog)) > LIMITS.backlog) {
      await disableEndpoint(sql, id, "backlog");
      logger.warn({ endpoint: id, reason: "backlog" }, "a webhook endpoint was disabled");
    }
  }
}
