import { AppError } from "../../src/platform/errors.ts";
import { createBatcher } from "../../src/platform/postgres/batcher.ts";
import { type Appended, entryId } from "../support/log-checker.ts";
import type { LogNode } from "../support/log-node.ts";
import type { Seeded } from "../support/seeded.ts";

/** How many rooms the loads share; few, so that writers meet. */
const ROOMS = 10;

/**
 * Writes to the log by both ways, transactions and group commit, until `stop` is set; what fails because the database is away is
 * left in doubt and never tried again under the same id.
 * @param onAck called for every entry as soon as it is acknowledged
 * @returns ids in doubt
 */
export async function writeUntilStopped(
  node: LogNode,
  { prefix, writers, random, stop }: { prefix: string; writers: number; random: Seeded; stop: () => boolean },
  onAck: (entry: Appended) => void,
): Promise<Set<string>> {
  const doubtful = new Set<string>();
  const posts = groupCommit(node);

  async function write(writer: number): Promise<void> {
    for (let i = 0; !stop(); i++) {
      const id = `${prefix}-${writer}-${i}`;
      try {
        if (writer % 2 === 0) onAck(await posts.add({ room: `event:${random.int(1, ROOMS)}`, id }));
        else await inTransaction(writer, id);
      } catch (error) {
        if (error instanceof Abort) continue;
        if (!(error instanceof AppError && error.code === "unavailable")) throw error;
        for (let k = 0; k < 3; k++) doubtful.add(`${id}-${k}`);
        doubtful.add(id);
        await Bun.sleep(20);
      }
    }
  }

  async function inTransaction(writer: number, id: string): Promise<void> {
    const from = node.published.length;
    const rooms = Array.from({ length: random.int(1, 3) }, () => `event:${random.int(1, ROOMS)}`);
    await node.transaction({ actor: String(writer) }, async (tx) => {
      if (random.chance(0.3)) await tx.sql`SELECT pg_current_xact_id()`;
      if (random.chance(0.2)) await Bun.sleep(random.int(1, 30));
      rooms.forEach((room, k) => {
        tx.log(room, "test", { id: `${id}-${k}` });
      });
      if (random.chance(0.1)) throw new Abort();
    });
    for (const { room, seq, payload } of node.published.slice(from)) {
      if (entryId(payload).startsWith(`${id}-`)) onAck({ room, seq, id: entryId(payload) });
    }
  }

  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return doubtful;
}

class Abort extends Error {}

/** What chat does with its posts, with nothing but the log. */
function groupCommit({ sql, ids }: LogNode) {
  return createBatcher<{ room: string; id: string }, Appended>({
    async run(items) {
      const rows = await sql<{ seq: number }[]>`
        SELECT seq::float8 FROM log_append(${items.map((e) => e.room)}::text[], ${items.map(() => ids.next())}::bigint[],
          ${items.map(() => "test")}::text[], ${items.map(({ id }) => JSON.stringify({ id }))}::text[],
          ${items.map(() => null)}::text[]) ORDER BY n`;
      return items.map(({ room, id }, i) => ({ room, id, seq: rows[i]!.seq }));
    },
  });
}

/**
 * A stored consumer whose effects are rows, written in one transaction with its position. Of its transactions, one in ten fails
 * before COMMIT and one in ten after it.
 */
export async function followIntoTable(node: LogNode, random: Seeded): Promise<void> {
  await node.sql`CREATE TABLE IF NOT EXISTS consumed (n bigserial, room text NOT NULL, seq bigint NOT NULL, payload text NOT NULL)`;
  await node.tail.addConsumer({
    name: "consumed",
    from: "stored",
    async handle({ entries, advance: move }) {
      await node.sql.begin(async (tx) => {
        await tx`
          INSERT INTO consumed (room, seq, payload) SELECT * FROM unnest(
            ${entries.map((e) => e.room)}::text[], ${entries.map((e) => e.seq)}::bigint[], ${entries.map((e) => e.payload)}::text[])`;
        await move(tx);
        if (random.chance(0.1)) throw new Error("planned: before COMMIT");
      });
      if (random.chance(0.1)) throw new Error("planned: after COMMIT");
    },
  });
}

/** What the table of `followIntoTable` holds, in order of delivery. */
export function readConsumed(sql: LogNode["sql"]) {
  return sql<{ room: string; seq: number; type: string; payload: string }[]>`
    SELECT room, seq::float8, 'test' AS type, payload FROM consumed ORDER BY n`;
}
