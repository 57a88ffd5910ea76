import { expect, test } from "bun:test";
import { readWorkerInfo } from "./worker.ts";

test("a process knows its index among workers from its parent, and has none by itself", () => {
  const place = { index: 1, count: 4 };
  expect(readWorkerInfo(["bun", "main.ts", `--worker=${JSON.stringify(place)}`])).toEqual(place as never);
  expect(readWorkerInfo(["bun", "main.ts"])).toBeNull();
});
