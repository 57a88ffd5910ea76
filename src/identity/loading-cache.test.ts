import { expect, test } from "bun:test";
import { LoadingCache } from "./loading-cache.ts";

function createCountedCache(values: Record<string, string>, now = () => 0) {
  const queries: string[][] = [];
  const gates: (() => void)[] = [];
  const lookup = new LoadingCache<string>(
    async (keys) => {
      queries.push([...keys]);
      const found = new Map(keys.flatMap((key) => (key in values ? [[key, values[key]!]] : [])));
      await new Promise<void>((resolve) => gates.push(resolve));
      return found;
    },
    { now, maxSize: 2 },
  );
  /** Lets the query in flight return, as soon as there is one. */
  const release = async () => {
    while (gates.length === 0) await Bun.sleep(0);
    gates.shift()!();
  };
  return { lookup, queries, release };
}

test("keys of one tick are loaded together; a key is loaded once", async () => {
  const { lookup, queries, release } = createCountedCache({ a: "A", b: "B" });
  const all = Promise.all([lookup.get("a"), lookup.get("b"), lookup.get("a"), lookup.get("none")]);
  await release();
  expect(await all).toEqual(["A", "B", "A", undefined]);
  expect(queries).toEqual([["a", "b", "none"]]);
  expect(await lookup.get("a")).toBe("A");
  expect(queries).toHaveLength(1);
});

test("a key that was invalidated during a query is loaded again: no caller gets the old value", async () => {
  const values: Record<string, string> = { a: "old" };
  const { lookup, queries, release } = createCountedCache(values);
  const value = lookup.get("a");
  while (queries.length === 0) await Bun.sleep(0);
  values.a = "new";
  lookup.invalidate((known) => known === "old");
  await release();
  await release();
  expect(await value).toBe("new");
});

test("others that are invalidated during every query delay no caller", async () => {
  const { lookup, queries, release } = createCountedCache({ a: "A" });
  const value = lookup.get("a");
  while (queries.length === 0) await Bun.sleep(0);
  lookup.invalidate((known) => known === "B");
  await release();
  expect(await value).toBe("A");
  expect(queries).toEqual([["a"]]);
});

test("a value is valid for ten seconds, and the oldest is removed when there are too many", async () => {
  let time = 0;
  const { lookup, queries, release } = createCountedCache({ a: "A", b: "B", c: "C" }, () => time);
  for (const key of ["a", "b", "c"]) {
    const value = lookup.get(key);
    await release();
    await value;
  }
  await lookup.get("c");
  expect(queries).toHaveLength(3);
  void lookup.get("a");
  await release();
  expect(queries).toHaveLength(4);
  time = 10_001;
  void lookup.get("c");
  await release();
  expect(queries).toHaveLength(5);
});

test("a failed query fails those who waited for it, and no one after", async () => {
  let fail = true;
  const lookup = new LoadingCache<string>(
    async () => {
      if (fail) throw new Error("away");
      return new Map([["a", "A"]]);
    },
    { now: () => 0 },
  );
  expect(lookup.get("a")).rejects.toThrow("away");
  await lookup.get("a").catch(() => {});
  fail = false;
  expect(await lookup.get("a")).toBe("A");
});
