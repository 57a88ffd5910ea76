import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBatcher } from "../src/platform/postgres/batcher.ts";
import { startEmbedded } from "../src/platform/postgres/embedded.ts";
import { openDatabase } from "../src/platform/postgres/pool.ts";
import type { Sql } from "../src/platform/postgres/sql.ts";
import { load } from "./load/jobs.ts";
import { type Row, report } from "./report.ts";
import { startUsher } from "./usher.ts";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const BYTES = 200;

/** Durable posts per second over WebSocket, each delivered to a reader, beside the bare SQL function on the same PostgreSQL. */
export async function posts(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-bench-posts-"));
  const embedded = await startEmbedded({ dataDir });
  const usher = await startUsher({ DATABASE_URL: embedded.url });
  const database = openDatabase(embedded.url, { max: 1 });
  const rows: Row[] = [];
  for (const writers of [16, 200]) {
    const target = await usher.populate(writers + 1, 1);
    const channel = target.rooms[0]!.slice("channel:".length);
    const bare = await benchBareFunction(database.sql, channel, writers);
    const { result: reply, stop } = await load({
      job: "posts",
      target,
      options: { writers, rate: 0, seconds: SECONDS, bytes: BYTES },
    });
    await stop();
    if (reply.delivered !== reply.acknowledged)
      throw new Error(`${reply.acknowledged} were acknowledged and ${reply.delivered} delivered`);
    rows.push({
      writers,
      "posts/s": Math.round(reply.perSecond),
      "bare SQL function, /s": Math.round(bare),
      share: reply.perSecond / bare,
      "ack p50 ms": reply.ack?.p50 ?? null,
      "ack p99 ms": reply.ack?.p99 ?? null,
      "delivered p99 ms": reply.delivery?.p99 ?? null,
    });
  }
  const target = await usher.populate(33, 1);
  const { result: outcome, stop } = await load({
    job: "posts",
    target,
    options: { writers: 32, rate: 1_000, seconds: SECONDS, bytes: BYTES },
  });
  await stop();
  rows.push({
    writers: "32, at 1,000/s",
    "posts/s": Math.round(outcome.perSecond),
    "ack p50 ms": outcome.ack?.p50 ?? null,
    "ack p99 ms": outcome.ack?.p99 ?? null,
    "delivered p99 ms": outcome.delivery?.p99 ?? null,
  });
  await usher.stop();
  await database.close();
  await embedded.stop();
  rmSync(dataDir, { recursive: true, force: true });
  report("posts", rows, ["fsync on; each post gets its reply after COMMIT and delivered to one reader"]);
}

interface Post {
  id: string;
  author: string;
  client: string;
}

/** The same group commit without a server around it: `callers` that each wait for their result, one batch in flight. */
async function benchBareFunction(sql: Sql, channel: string, callers: number): Promise<number> {
  const authors = await sql<
    { user_id: string }[]
  >`SELECT user_id FROM members WHERE channel_id = ${channel} LIMIT ${callers}`;
  const text = "x".repeat(BYTES);
  const payload = JSON.stringify({ content: text, padding: "y".repeat(160) }).slice(0, -1);
  const batcher = createBatcher<Post, unknown>({
    run: async (posts) => [
      ...(await sql`SELECT n, status FROM post_messages(${posts.map((post) => post.id)}::bigint[], ${posts.map(() => channel)}::bigint[],
        ${posts.map((post) => post.author)}::text[], ${posts.map((post) => post.client)}::text[], ${posts.map(() => text)}::text[],
        ${posts.map(() => null)}::bigint[], ${posts.map(() => payload)}::text[])`),
    ],
  });
  let id = BigInt(Date.now()) << 22n;
  let done = 0;
  const began = performance.now();
  const until = began + SECONDS * 1000;
  const caller = async (author: string) => {
    while (performance.now() < until) {
      id++;
      await batcher.add({ id: `${id}`, author, client: `bare-${id}` });
      done++;
    }
  };
  await Promise.all(authors.map(({ user_id }) => caller(user_id)));
  return done / ((performance.now() - began) / 1000);
}
