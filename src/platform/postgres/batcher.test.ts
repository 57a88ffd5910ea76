import { beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { testDatabase } from "../../../tests/support/postgres.ts";
import { AppError } from "../errors.ts";
import { createBatcher } from "./batcher.ts";
import { ConnectionLost } from "./sql-connection.ts";

/** A batch function that can be paused: each call waits for `release`. */
function pauseBatches() {
  const batches: number[][] = [];
  let gate = Promise.withResolvers<void>();
  return {
    batches,
    release() {
      gate.resolve();
      gate = Promise.withResolvers();
    },
    async run(items: readonly number[]) {
      batches.push([...items]);
      await gate.promise;
      return items.map((item) => item * 10);
    },
  };
}

/** Errors as PostgreSQL returns them, by their SQLSTATE. */
const databaseErrors = new Map<string, unknown>();

beforeAll(async () => {
  const database = await testDatabase();
  for (const state of ["55P03", "25006", "53100"])
    await database.sql.unsafe(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${state}'; END $$`).catch((error) => {
      databaseErrors.set(state, error);
    });
  await database.close();
});

test("what one turn adds is one batch, and what comes meanwhile is the next", async () => {
  const { batches, release, run } = pauseBatches();
  const batcher = createBatcher({ run });
  const first = [1, 2, 3].map((item) => batcher.add(item));
  await Promise.resolve();
  const second = [4, 5].map((item) => batcher.add(item));
  expect(batches).toEqual([[1, 2, 3]]);
  release();
  expect(await Promise.all(first)).toEqual([10, 20, 30]);
  await Promise.resolve();
  expect(batches).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
  release();
  expect(await Promise.all(second)).toEqual([40, 50]);
});

test("a batch that waits for no other one starts when its schedule says, with all that was added until then", async () => {
  const { batches, release, run } = pauseBatches();
  let begin = () => {};
  const batcher = createBatcher({
    run,
    schedule(start) {
      begin = start;
    },
  });
  const results = [batcher.add(1)];
  await new Promise(setImmediate);
  results.push(batcher.add(2));
  expect(batches).toEqual([]);
  begin();
  release();
  expect(await Promise.all(results)).toEqual([10, 20]);
  expect(batches).toEqual([[1, 2]]);
});

test("only the bad items fail, each with its own error, and the others keep their order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      async (bad, maxBatch) => {
        const done: number[] = [];
        const batcher = createBatcher<number, number>({
          maxBatch,
          run(items) {
            const wrong = items.find((item) => bad[item]);
            if (wrong !== undefined) return Promise.reject(new Error(`bad ${wrong}`));
            done.push(...items);
            return Promise.resolve([...items]);
          },
        });
        const results = await Promise.allSettled(bad.map((_, item) => batcher.add(item)));
        results.forEach((result, item) => {
          if (result.status === "fulfilled") expect([bad[item], result.value]).toEqual([false, item]);
          else expect([bad[item], result.reason.message]).toEqual([true, `bad ${item}`]);
        });
        expect(done).toEqual(bad.flatMap((isBad, item) => (isBad ? [] : [item])));
      },
    ),
  );
});

test.each([
  ["is unavailable", () => new ConnectionLost(new Error("connect ECONNREFUSED"))],
  ["is read-only", () => databaseErrors.get("25006")],
  ["has a full disk", () => databaseErrors.get("53100")],
])("a database that %s fails the whole batch at once, as unavailable", async (_, error) => {
  let runs = 0;
  const batcher = createBatcher<number, number>({
    run() {
      runs++;
      return Promise.reject(error());
    },
  });
  const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
  expect(runs).toBe(1);
  for (const result of results) {
    const reason = result.status === "rejected" ? result.reason : null;
    expect(reason instanceof AppError && reason.code).toBe("unavailable");
  }
});

test("a row that another transaction has locked costs only the items that need it; all others go on, each key in its order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 60 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 20 }),
      async (keys, locked, maxBatch) => {
        const done: number[] = [];
        let apartNow = 0;
        let maxApart = 0;
        async function attempt(items: readonly number[]) {
          await Promise.resolve();
          if (items.some((item) => locked.includes(keys[item]!))) throw databaseErrors.get("55P03");
          done.push(...items);
          return items.map((item) => item * 10);
        }
        const batcher = createBatcher<number, number>({
          maxBatch,
          run: attempt,
          perKey: {
            key: (item) => String(keys[item]),
            async run(items) {
              expect(new Set(items.map((item) => keys[item])).size).toBe(1);
              maxApart = Math.max(maxApart, ++apartNow);
              return attempt(items).finally(() => apartNow--);
            },
          },
        });
        const results = await Promise.allSettled(keys.map((_, item) => batcher.add(item)));
        results.forEach((result, item) => {
          const isLocked = locked.includes(keys[item]!);
          if (result.status === "fulfilled") expect([isLocked, result.value]).toEqual([false, item * 10]);
          else expect([isLocked, result.reason.code]).toEqual([true, "unavailable"]);
        });
        for (const key of new Set(keys)) {
          const own = done.filter((item) => keys[item] === key);
          expect(own).toEqual(own.toSorted((a, b) => a - b));
        }
        expect(maxApart).toBeLessThanOrEqual(3);
      },
    ),
  );
});

test("what a batch returns as locked is run apart, in order, and the other items of the batch do not wait for it", async () => {
  const gate = Promise.withResolvers<void>();
  const apart: string[][] = [];
  const batcher = createBatcher<string, string | null>({
    run: async (items) => items.map((item) => (item.startsWith("locked") ? null : item)),
    perKey: {
      key: (item) => item.split(" ")[0]!,
      async run(items) {
        apart.push([...items]);
        await gate.promise;
        return [...items];
      },
      isLocked: (output) => output === null,
    },
  });
  const locked = ["locked 1", "locked 2"].map((item) => batcher.add(item));
  expect(await batcher.add("free 1")).toBe("free 1");
  locked.push(batcher.add("locked 3"));
  expect(await batcher.add("free 2")).toBe("free 2");
  expect(apart).toEqual([["locked 1", "locked 2"]]);
  gate.resolve();
  expect(await Promise.all(locked)).toEqual(["locked 1", "locked 2", "locked 3"]);
});

test("what waits apart counts as waiting, and is given up once it has waited too long", async () => {
  let now = 0;
  const gate = Promise.withResolvers<void>();
  const tried: string[] = [];
  const batcher = createBatcher<string, string>({
    now: () => now,
    maxQueue: 5,
    run: () => Promise.reject(databaseErrors.get("55P03")),
    perKey: {
      key: (item) => item,
      async run([item]) {
        tried.push(item!);
        await gate.promise;
        throw databaseErrors.get("55P03");
      },
    },
  });
  const items = ["a", "b", "c", "d", "e"].map((item) => batcher.add(item));
  while (tried.length < 3) await Promise.resolve();
  items.push(...["f", "g", "h"].map((item) => batcher.add(item)));
  expect(batcher.add("i")).rejects.toMatchObject({ code: "unavailable" });
  now = 10_000;
  gate.resolve();
  for (const result of await Promise.allSettled(items)) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
  }
  expect(tried.slice(0, 3)).toEqual(["a", "b", "c"]);
  expect(tried).not.toContain("d");
  expect(tried).not.toContain("e");
});

test("a full queue refuses, and accepts again when there is room", async () => {
  const { batches, release, run } = pauseBatches();
  const begun = async (count: number) => {
    while (batches.length < count) await Promise.resolve();
  };
  const batcher = createBatcher({ run, maxBatch: 1, maxQueue: 2 });
  const running = batcher.add(1);
  await Promise.resolve();
  const waiting = [batcher.add(2), batcher.add(3)];
  expect(batcher.add(4)).rejects.toMatchObject({ code: "unavailable" });
  release();
  await running;
  await begun(2);
  waiting.push(batcher.add(5));
  for (const [index, item] of waiting.entries()) {
    await begun(index + 2);
    release();
    await item;
  }
});
