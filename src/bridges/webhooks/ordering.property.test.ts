import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { chooseSeed, seeded } from "../../../tests/support/seeded.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { AS_ADMIN, startWebhookNode, type WebhookNode } from "../../../tests/support/webhook-node.ts";
import { type Received, WebhookReceiver } from "../../../tests/support/webhook-receiver.ts";
import { SCHEDULE_MS } from "./schedule.ts";

/** Two nodes deliver to one endpoint while attempts fail, are slow, or fail until the delivery is given up. */

const ROOMS = 4;
const EVENTS = 200;

let database: TestDatabase;
let nodes: [WebhookNode, WebhookNode];
let receiver: WebhookReceiver;

beforeAll(async () => {
  database = await testDatabase();
  nodes = [await startWebhookNode(database.url), await startWebhookNode(database.url)];
  receiver = new WebhookReceiver();
  // A recording takes longer, so that deliveries end while those that wait for them are being recorded.
  await database.sql.unsafe(`
    CREATE FUNCTION slow_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END $$;
    CREATE TRIGGER slow_down AFTER INSERT ON webhook_deliveries FOR EACH STATEMENT EXECUTE FUNCTION slow_down()`);
});
afterAll(async () => {
  for (const node of nodes) await node.stop();
  await receiver.close();
  await database.close();
});

/** The number of received events that are neither the room's last received one nor the next one. */
function outOfOrder(received: readonly Received[]): number {
  const last = new Map<string, number>();
  let wrong = 0;
  for (const { body } of received) {
    const { room, seq } = body.data as { room: string; seq: number };
    const before = last.get(room) ?? 0;
    if (seq !== before && seq !== before + 1) wrong++;
    last.set(room, seq);
  }
  return wrong;
}

async function run(seed: number, ordered: boolean) {
  const random = seeded(seed);
  const { sql } = nodes[0];
  const kind = `${ordered ? "ordered" : "loose"}-${seed}`;
  const doomed = new Set<string>();
  receiver.received.length = 0;
  receiver.respond = async ({ id }) => {
    if (random.chance(0.03)) doomed.add(id);
    const good = !doomed.has(id) && random.chance(0.7);
    if (random.chance(0.3)) await Bun.sleep(random.int(1, 10));
    return new Response(null, { status: good ? 204 : 500 });
  };
  const { id } = await nodes[0].endpoint({ url: receiver.url, ordered, rooms: [`event:${kind}-*`] });
  for (let i = 0; i < EVENTS; i++) {
    await nodes[random.int(0, 1)]!.log(`event:${kind}-${random.int(1, ROOMS)}`, "test", { i });
    await Bun.sleep(random.int(0, 15));
  }
  const rows = await waitUntil("all have ended", async () => {
    // The test does not wait for the schedule: every retry is due at once, as the last one if it has to fail.
    await sql`
      UPDATE webhook_deliveries d SET next_attempt_at = clock_timestamp(),
        tries = CASE WHEN webhook_id = ANY (${[...doomed]}::text[]) THEN ${SCHEDULE_MS.length}::int ELSE 1 END
      WHERE status = 'pending' AND next_attempt_at > clock_timestamp()
        AND attempts = (SELECT max(n) FROM webhook_attempts WHERE delivery_id = d.id)`;
    await nodes[random.int(0, 1)]!.webhooks.endpoints.change(AS_ADMIN, id, {});
    const found = await sql<{ webhook_id: string; status: string }[]>`
      SELECT webhook_id, status FROM webhook_deliveries WHERE endpoint_id = ${id}`;
    return found.length === EVENTS && found.every(({ status }) => status !== "pending") ? found : null;
  });
  const failed = rows.filter(({ status }) => status === "failed").map(({ webhook_id }) => webhook_id);
  return { wrong: outOfOrder(receiver.received), failed: failed.sort(), doomed: [...doomed].sort() };
}

test("deliveries of a room arrive one after the other, whatever fails and whichever node sends", async () => {
  const seed = chooseSeed("webhook order");
  for (let i = 0; i < 2; i++) {
    const { wrong, failed, doomed } = await run(seed + i, true);
    expect(wrong).toBe(0);
    expect(failed).toEqual(doomed);
  }
}, 90_000);

test("without `ordered` they do not: the check can fail", async () => {
  const { wrong, failed, doomed } = await run(1, false);
  expect(wrong).toBeGreaterThan(0);
  expect(failed).toEqual(doomed);
}, 60_000);
