import { SignJWT } from "jose";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { TEST_ISSUER, TEST_SECRET } from "../support/app.ts";
import type { Seeded } from "../support/seeded.ts";
import { waitUntil } from "../support/wait-until.ts";
import { type Audit, audit, readTruth, type Truth, type View } from "./audit.ts";
import type { Cluster } from "./cluster.ts";
import type { Fault } from "./faults.ts";
import { Listener } from "./listener.ts";
import { Writer } from "./writer.ts";

export interface Load {
  listeners: number;
  channels: number;
  /** Posts per second, all channels together. */
  rate: number;
  /** Part of the listeners whose link is cut, per second. */
  kicks: number;
  /** So many listeners come once with positions of another epoch, each in two rooms; all others must continue where they were. */
  mistaken: number;
  seed: Seeded;
}

export interface Outcome {
  /** Longest time in s that a listener was away in the time of each fault. */
  away: { fault: string; seconds: number }[];
  audit: Audit;
  views: View[];
  truth: Truth;
  posts: number;
}

const WRITERS = 12;
const STEP_MS = 50;
const CONCURRENCY = 25;

/** Runs a load on the cluster while one fault after the other is injected; then compares everything with the log. */
export async function run(cluster: Cluster, faults: readonly Fault[], load: Load): Promise<Outcome> {
  const reported: string[] = [];
  const fault = (what: string) => reported.length < 20 && reported.push(what);
  const { listeners, writers, channels } = await assemble(cluster, load, fault);
  const away: Outcome["away"] = [];
  try {
    for (const listener of listeners.slice(0, load.mistaken)) listener.mistakeEpoch();
    for (const { name, sleepSeconds: lasts, inject: happen } of faults) {
      for (const listener of listeners) listener.longestAway = 0;
      await Promise.all([happen(cluster), runLoad(lasts, load, listeners, writers, channels)]);
      const longest = Math.max(...listeners.map(({ longestAway }) => longestAway));
      away.push({ fault: name, seconds: longest / 1_000 });
    }
    await waitUntil("all that was written is acknowledged", () => writers.every(({ idle }) => idle)).catch(report);
    const { sql, close } = openDatabase(cluster.databaseUrl);
    try {
      const truth = await readTruth(sql);
      const views = listeners.flatMap((listener) => [...listener.views.values()]);
      const isLagging = () => views.some(({ room, position }) => (position ?? 0) < (truth.get(room)?.length ?? 0));
      await waitUntil("all are at the head", () => !isLagging()).catch(report);
      const found = audit(views, truth);
      found.faults.unshift(...reported, ...(await findUnstored(sql, writers)));
      return { away, audit: found, views, truth, posts: writers.reduce((sum, { written }) => sum + written.length, 0) };
    } finally {
      await close();
    }
  } finally {
    for (const listener of listeners) listener.end();
    for (const writer of writers) writer.end();
  }
}

/** Listeners in their channels, all live; writers who are members of all. */
async function assemble(cluster: Cluster, load: Load, fault: (what: string) => void) {
  const { origins } = cluster;
  const tokens = await Promise.all(Array.from({ length: load.listeners }, (_, n) => mintToken(`p${n}`)));
  const writerTokens = await Promise.all(Array.from({ length: WRITERS }, (_, n) => mintToken(`w${n}`)));
  const channels: string[] = [];
  for (let n = 0; n < load.channels; n++)
    channels.push((await call(cluster, writerTokens[0]!, "POST", "/channels", { type: "public", name: `c${n}` })).id);
  const join = (token: string, channel: string) => call(cluster, token, "PUT", `/channels/${channel}/members/me`, {});
  await inBatches(WRITERS * channels.length, (n) =>
    join(writerTokens[n % WRITERS]!, channels[Math.floor(n / WRITERS)]!),
  );
  await inBatches(tokens.length, (n) => join(tokens[n]!, channels[n % channels.length]!));
  const listeners = tokens.map(
    (token, n) =>
      new Listener({
        origins,
        token,
        who: `p${n}`,
        rooms: [`channel:${channels[n % channels.length]}`, `user:p${n}`],
        fault,
      }),
  );
  const writers = writerTokens.map((token, n) => new Writer({ origins, token, name: `w${n}`, fault }));
  for (const writer of writers) writer.connect();
  await inBatches(listeners.length, async (n) => {
    listeners[n]!.connect();
    await waitUntil("a listener is live", () => listeners[n]!.live);
  });
  return { listeners, writers, channels };
}

async function runLoad(seconds: number, load: Load, listeners: Listener[], writers: Writer[], channels: string[]) {
  const began = performance.now();
  const steps = (seconds * 1_000) / STEP_MS;
  const { int } = load.seed;
  for (let step = 0; step < steps; step++) {
    for (let n = 0; n < countInStep(step, load.rate); n++)
      writers[int(0, writers.length - 1)]!.post(channels[int(0, channels.length - 1)]!);
    for (let n = 0; n < countInStep(step, load.kicks * listeners.length); n++)
      listeners[int(0, listeners.length - 1)]!.cut();
    await Bun.sleep(Math.max(0, began + (step + 1) * STEP_MS - performance.now()));
  }
}

/** How many of so many a second fall into this step. */
function countInStep(step: number, perSecond: number): number {
  const until = (n: number) => Math.floor((n * perSecond * STEP_MS) / 1_000);
  return until(step + 1) - until(step);
}

/** What was written is stored exactly once, at the position that its writer received. */
async function findUnstored(sql: ReturnType<typeof openDatabase>["sql"], writers: Writer[]): Promise<string[]> {
  const rows = await sql<{ client_id: string; seq: number; times: number }[]>`
    SELECT client_id, min(seq)::float8 AS seq, count(*)::int AS times FROM messages GROUP BY client_id`;
  const stored = new Map(rows.map((row) => [row.client_id, row]));
  return writers
    .flatMap(({ written }) => written)
    .flatMap(({ clientId, seq }) => {
      const row = stored.get(clientId);
      if (row?.times === 1 && row.seq === seq) return [];
      return [`${clientId}: acknowledged at ${seq}, stored ${row?.times ?? 0} times at ${row?.seq ?? "no position"}`];
    })
    .slice(0, 20);
}

async function call(
  cluster: Cluster,
  token: string,
  method: string,
  path: string,
  body: object,
): Promise<{ id: string }> {
  const url = `${cluster.origins.pick().replace("ws:", "http:")}/api/v1${path}`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  if (response.status === 503) {
    await Bun.sleep(200);
    return call(cluster, token, method, path, body);
  }
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? { id: "" } : ((await response.json()) as { id: string });
}

/** A token of another issuer: the person is created at the first request. */
function mintToken(id: string): Promise<string> {
  return new SignJWT({ preferred_username: `name-${id}` })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(id)
    .setIssuer(TEST_ISSUER)
    .setExpirationTime("2h")
    .sign(new TextEncoder().encode(TEST_SECRET));
}

/** Runs `work` for 0 … count − 1, a few at a time. */
async function inBatches(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

function report(error: unknown): void {
  console.log(`  ${String(error)}`);
}
