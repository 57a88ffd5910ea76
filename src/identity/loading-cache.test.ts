import { expect, test } from "bun:test";
import { LoadingCache } from "./loading-cache.ts";

function createCountedCache(values: Record<string, string>, now = () => 0) {
  const asked: string[][] = [];
  const gates: (() => void)[] = [];
  const lookup = new LoadingCache<string>(
    async (keys) => {
      asked.push(keys);
      const found = new Map(keys.flatMap((key) => (key in values ? [[key, values[key]!]] : [])));
      await new Promise<void>((resolve) => gates.push(resolve));
      return found;
    },
    { now, maxSize: 2 },
  );
  /** Lets the query that is under way answer, as soon as there is one. */
  const answer = async () => {
    while (gates.length === 0) await Bun.sleep(0);
    gates.shift()!();
  };
  return { lookup, asked, answer };
}

test("keys of one tick are loaded together; a key is loaded once", async () => {
  const { lookup, asked, answer } = createCountedCache({ a: "A", b: "B" });
  const all = Promise.all([lookup.get("a"), lookup.get("b"), lookup.get("a"), lookup.get("none")]);
  await answer();
  expect(await all).toEqual(["A", "B", "A", undefined]);
  expect(asked).toEqual([["a", "b", "none"]]);
  expect(await lookup.get("a")).toBe("A");
  expect(asked).toHaveLength(1);
});

test("what was forgotten while a query was under way is asked again: nobody is told the old value", async () => {
  const values: Record<string, string> = { a: "old" };
  const { lookup, asked, answer } = createCountedCache(values);
  const value = lookup.get("a");
  while (asked.length === 0) await Bun.sleep(0);
  values.a = "new";
  lookup.invalidate((known) => known === "old");
  await answer();
  await answer();
  expect(await value).toBe("new");
});

test("others that are invalidated during every query delay no caller", async () => {
  const { lookup, asked, answer } = createCountedCache({ a: "A" });
  const value = lookup.get("a");
  while (asked.length === 0) await Bun.sleep(0);
  lookup.invalidate((known) => known === "B");
  await answer();
  expect(await value).toBe("A");
  expect(asked).toEqual([["a"]]);
});

test("a value is believed for ten seconds, and the oldest goes when there are too many", async () => {
  let time = 0;
  const { lookup, asked, answer } = createCountedCache({ a: "A", b: "B", c: "C" }, () => time);
  for (const key of ["a", "b", "c"]) {
    const value = lookup.get(key);
    await answer();
    await value;
  }
  await lookup.get("c");
  expect(asked).toHaveLength(3);
  void lookup.get("a");
  await answer();
  expect(asked).toHaveLength(4);
  time = 10_001;
  void lookup.get("c");
  await answer();
  expect(asked).toHaveLength(5);
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
