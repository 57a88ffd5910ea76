import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type TestDatabase, testDatabase } from "../../tests/support/postgres.ts";
import { currentIds, runWithContext } from "./context.ts";
import { createLoader, type LoaderOptions } from "./loader.ts";
import { ConnectionLost } from "./postgres/sql-connection.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

/** A loader of squares whose reads wait until they are released, one after the other. */
function createSquares(options: Partial<LoaderOptions<number, number>> = {}) {
  const reads: number[][] = [];
  const gates: (() => void)[] = [];
  const load = createLoader<number, number>({
    async read(keys) {
      reads.push([...keys]);
      await new Promise<void>((resolve) => gates.push(resolve));
      return keys.map((key) => key * key);
    },
    toText: String,
    maxBatch: 100,
    ...options,
  });
  const release = async () => {
    while (gates.length === 0) await new Promise(setImmediate);
    gates.shift()!();
  };
  return { reads, load, release };
}

test("what one turn requests is one read, equal keys are one, and what comes meanwhile is the next read", async () => {
  const { reads, load, release } = createSquares();
  const first = [1, 2, 2, 3].map(load);
  await Promise.resolve();
  expect(reads).toEqual([[1, 2, 3]]);
  // 2 is read again: the read under way may be older than what this caller has seen.
  const later = [2, 4, 2].map(load);
  await release();
  await release();
  expect(await Promise.all([...first, ...later])).toEqual([1, 4, 4, 9, 4, 16, 4]);
  expect(reads).toEqual([
    [1, 2, 3],
    [2, 4],
  ]);
});

test("10,000 requests at once, and as many while they are read, are 20 reads of at most 1,000 keys, one at a time", async () => {
  const sizes: number[] = [];
  let running = 0;
  const load = createLoader<number, number>({
    async read(keys) {
      sizes.push(keys.length);
      expect(++running).toBe(1);
      await new Promise(setImmediate);
      running--;
      return keys.map((key) => -key);
    },
    toText: String,
    maxBatch: 1_000,
  });
  const keys = Array.from({ length: 10_000 }, (_, i) => i);
  const first = keys.map(load);
  while (sizes.length === 0) await Promise.resolve();
  const second = keys.map((key) => load(key + 10_000));
  const values = await Promise.all([...first, ...second]);
  expect(values).toEqual(Array.from({ length: 20_000 }, (_, i) => -i));
  expect(sizes).toEqual(Array(20).fill(1_000));
});

test("10,000 requests for 100 keys are one read, also with more requests than a batch has keys", async () => {
  const { reads, load, release } = createSquares();
  const all = Array.from({ length: 10_000 }, (_, i) => load(i % 100));
  await release();
  expect(await Promise.all(all)).toEqual(Array.from({ length: 10_000 }, (_, i) => (i % 100) ** 2));
  expect(reads).toHaveLength(1);
});

test("each request has its own value, whatever comes in whichever turn, and no more reads run than may", async () => {
  const turn = fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 12 });
  const turns = fc.array(turn, { minLength: 1, maxLength: 12 });
  const bounds = fc.record({ maxBatch: fc.integer({ min: 1, max: 5 }), inFlight: fc.integer({ min: 1, max: 3 }) });
  await fc.assert(
    fc.asyncProperty(turns, bounds, async (requests, { maxBatch, inFlight }) => {
      let now = 0;
      let running = 0;
      const load = createLoader<number, { key: number; readAt: number }>({
        async read(keys) {
          expect(keys.length).toBeLessThanOrEqual(maxBatch);
          expect(new Set(keys).size).toBe(keys.length);
          expect(++running).toBeLessThanOrEqual(inFlight);
          const readAt = now;
          for (let turn = 0; turn <= keys[0]! % 3; turn++) await new Promise(setImmediate);
          running--;
          return keys.map((key) => ({ key, readAt }));
        },
        toText: String,
        maxBatch,
        inFlight,
      });
      const loaded: Promise<void>[] = [];
      for (const keys of requests) {
        now++;
        for (const key of keys) {
          const requestedAt = now;
          loaded.push(
            load(key).then((value) => {
              expect(value.key).toBe(key);
              expect(value.readAt).toBeGreaterThanOrEqual(requestedAt);
            }),
          );
        }
        await new Promise(setImmediate);
      }
      await Promise.all(loaded);
    }),
    { numRuns: 50 },
  );
});

test("a read that PostgreSQL refuses fails only the callers of the bad key", async () => {
  let reads = 0;
  const load = createLoader<number, number>({
    async read(keys) {
      reads++;
      const rows = await database.sql<{ n: number }[]>`
        SELECT 60 / key AS n FROM unnest(${keys}::int[]) WITH ORDINALITY AS k (key, i) ORDER BY i`;
      return rows.map(({ n }) => n);
    },
    toText: String,
    maxBatch: 100,
  });
  const results = await Promise.allSettled([1, 2, 0, 3, 4, 5, 6, 0].map(load));
  expect(results.map((result) => (result.status === "fulfilled" ? result.value : result.reason.code))).toEqual([
    60,
    30,
    "22012",
    20,
    15,
    12,
    10,
    "22012",
  ]);
  expect(reads).toBeLessThan(10);
});

test.each([
  ["a database that is away", () => new ConnectionLost(new Error("connect ECONNREFUSED")), { code: "unavailable" }],
  ["a defect", () => new TypeError("x is not a function"), { message: "x is not a function" }],
  ["what is no error", () => "no", { message: "A read failed." }],
])("%s fails all of a read at once, and the next read is made", async (_, error, expected) => {
  let reads = 0;
  const load = createLoader<number, number>({
    read: (keys) => (++reads === 1 ? Promise.reject(error()) : Promise.resolve(keys)),
    toText: String,
    maxBatch: 100,
  });
  for (const result of await Promise.allSettled([1, 2, 3].map(load)))
    expect(result).toMatchObject({ status: "rejected", reason: expected });
  expect(reads).toBe(1);
  expect(await load(1)).toBe(1);
});

test("a read with too few values fails", async () => {
  const load = createLoader<number, number>({ read: async () => [1], toText: String, maxBatch: 10 });
  for (const result of await Promise.allSettled([1, 2].map(load))) expect(result.status).toBe("rejected");
});

test("one key more than may wait is refused, one that waits already is not, and there is room again later", async () => {
  const { load, release } = createSquares({ maxWaiting: 2 });
  const all = [1, 2, 1].map(load);
  expect(load(3)).rejects.toMatchObject({ code: "unavailable" });
  await release();
  expect(await Promise.all(all)).toEqual([1, 4, 1]);
  const next = load(3);
  await release();
  expect(await next).toBe(9);
});

test("a read is no one's: it runs outside of its callers' contexts, and each caller goes on in its own", async () => {
  const seen: unknown[] = [];
  const load = createLoader<number, number>({
    async read(keys) {
      seen.push(currentIds());
      await new Promise(setImmediate);
      return keys;
    },
    toText: String,
    maxBatch: 1,
  });
  const request = (id: number) =>
    runWithContext({ request_id: String(id) }, async () => {
      await load(id);
      return currentIds();
    });
  expect(await Promise.all([1, 2, 3].map(request))).toEqual([
    { request_id: "1" },
    { request_id: "2" },
    { request_id: "3" },
  ]);
  expect(seen).toEqual([{}, {}, {}]);
});

test("what was read is not held after it was returned", async () => {
  const values: WeakRef<object>[] = [];
  const loads = Array.from({ length: 50 }, () =>
    createLoader<number, object>({
      async read(keys) {
        const found = keys.map((key) => ({ key }));
        values.push(...found.map((value) => new WeakRef(value)));
        return found;
      },
      toText: String,
      maxBatch: 2,
    }),
  );
  for (const load of loads) await Promise.all([1, 2].map((key) => load(key)));
  for (let n = 0; n < 5; n++) {
    await new Promise(setImmediate);
    Bun.gc(true);
  }
  expect(values).toHaveLength(100);
  // The stack may still have one of them; loaders that hold their last batch have all.
  expect(values.filter((value) => value.deref() !== undefined).length).toBeLessThan(20);
});
