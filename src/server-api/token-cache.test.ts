import { expect, test } from "bun:test";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { digestSecret } from "../platform/digest.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Watcher } from "../realtime/index.ts";
import { TokenCache } from "./token-cache.ts";

const SECRET = "s".repeat(43);
const TOKEN = { id: "7", name: "n", scopes: ["subscribe"], rooms: ["*"], left: null };
const ROW = { ...TOKEN, secret_hash: digestSecret(SECRET), previous_hash: null, previous_left: null };

/** The tokens of one node, over a table that the test writes. */
function createCache(row: object, elapsed?: () => number, now: () => number = Date.now) {
  /** `gate`: a read has its rows by then, and returns them when it opens. */
  const table = { rows: [row], failures: 0, gate: Promise.resolve(), reads: 0 };
  const ended: string[] = [];
  const errors: unknown[] = [];
  let watcher: Watcher | undefined;
  const sql = async () => {
    table.reads++;
    const { rows, gate } = table;
    if (table.failures-- > 0) throw new Error("away");
    await gate;
    return rows;
  };
  const deps = {
    sql: sql as unknown as Sql,
    now,
    staticToken: null,
    realtime: {
      watch(_room: string, by: Watcher) {
        watcher = by;
      },
      endService: (id: string) => void ended.push(id),
    },
    onError: (error: unknown) => errors.push(error),
  };
  const tokens = new TokenCache(deps, elapsed);
  const notify = () => watcher!.entry({ room: "_service_tokens", seq: 1, type: "token:changed", payload: "{}" });
  return { tokens, table, ended, errors, notify };
}

test("the sockets of a revoked token close although the database was unavailable when the change arrived", async () => {
  const { tokens, table, ended, errors, notify } = createCache(ROW);
  expect((await tokens.authenticate(`ust_7_${SECRET}`)).tokenId).toBe("7");
  Object.assign(table, { rows: [], failures: 2 });
  notify();
  await waitUntil("its sockets close, although no one calls", () => ended.length > 0);
  expect([ended, errors.length]).toEqual([["7"], 2]);
  await tokens.stop();
});

test("a caller who connects while their secret is rotated does not stay connected", async () => {
  const { tokens, table, ended, notify } = createCache(ROW);
  const early = await tokens.authenticate(`ust_7_${SECRET}`);
  expect(tokens.isCurrent(early)).toBe(true);
  const rotated = { ...ROW, secret_hash: digestSecret("t".repeat(43)) };
  table.rows = [{ ...rotated, previous_hash: digestSecret(SECRET), previous_left: 60_000 }];
  notify();
  await waitUntil("the rotation is known", () => ended.length > 0);
  const later = await tokens.authenticate(`ust_7_${SECRET}`);
  expect([tokens.isCurrent(early), tokens.isCurrent(later)]).toEqual([false, true]);
  table.rows = [rotated];
  notify();
  await waitUntil("the end of the first secret is known", () => tokens.findCached(`ust_7_${SECRET}`) === null);
  await Bun.sleep(0);
  expect(tokens.isCurrent(later)).toBe(false);
  await tokens.stop();
});

test("a token that is revoked while the tokens are being read is not considered valid by that read", async () => {
  // The clock does not move: what was read at the moment of the change must not count as read after it.
  const { tokens, table, ended, notify } = createCache(ROW, () => 1_000_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  table.gate = promise;
  const early = tokens.authenticate(`ust_7_${SECRET}`);
  await waitUntil("the tokens are being read", () => table.reads === 1);
  table.rows = [];
  notify();
  resolve();
  await early.catch(() => {});
  await waitUntil("its sockets end", () => ended.length > 0);
  expect(tokens.findCached(`ust_7_${SECRET}`)).toBeNull();
  await expect(tokens.authenticate(`ust_7_${SECRET}`)).rejects.toMatchObject({ code: "unauthenticated" });
  await tokens.stop();
});

test("a clock that is set back an hour prolongs no cached value, and delays no caller", async () => {
  const time = { elapsed: 0, set: 0 };
  const clock = () => 1_800_000_000_000 + time.elapsed + time.set;
  const { tokens, table } = createCache(ROW, () => time.elapsed, clock);
  await tokens.authenticate(`ust_7_${SECRET}`);
  time.set = -3_600_000;
  time.elapsed = 6_000;
  table.rows = [];
  expect(tokens.findCached(`ust_7_${SECRET}`)).toBeNull();
  time.elapsed = 60_000;
  await expect(tokens.authenticate(`ust_7_${SECRET}`)).rejects.toMatchObject({ code: "unauthenticated" });
  await tokens.stop();
});
