import { expect, test } from "bun:test";
import { waitUntil } from "../../tests/support/wait-until.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Watcher } from "../realtime/index.ts";
import { KnownTokens, sha256 } from "./known-tokens.ts";

const SECRET = "s".repeat(43);
const ROW = { id: "7", name: "n", scopes: ["subscribe"], rooms: ["*"], secret_hash: sha256(SECRET) };

test("the sockets of a revoked token end although the database was away when that was told", async () => {
  let rows: object[] = [{ ...ROW, previous_hash: null, left: null, previous_left: null }];
  let failures = 0;
  const ended: string[] = [];
  const errors: unknown[] = [];
  let watcher!: Watcher;
  const tokens = new KnownTokens({
    sql: (() => (failures-- > 0 ? Promise.reject(new Error("away")) : Promise.resolve(rows))) as unknown as Sql,
    now: () => Date.now(),
    staticToken: null,
    realtime: {
      watch(_room, by) {
        watcher = by;
      },
      endService: (id) => void ended.push(id),
    },
    onError: (error) => errors.push(error),
  });
  expect((await tokens.authenticate(`ust_7_${SECRET}`)).tokenId).toBe("7");
  rows = [];
  failures = 2;
  watcher.entry({ room: "_service_tokens", seq: 1, type: "token:revoked", payload: "{}" });
  await waitUntil("its sockets end, although nobody calls", () => ended.length > 0);
  expect([ended, errors.length]).toEqual([["7"], 2]);
  await tokens.stop();
});
