import { expect, test } from "bun:test";
import { readWorkerInfo } from "./worker-process.ts";

test("a process knows its index among workers from its parent, and has none by itself", () => {
  const info = { index: 1, count: 4 };
  expect(readWorkerInfo(["bun", "main.ts", `--worker=${JSON.stringify(info)}`])).toEqual(info as never);
  expect(readWorkerInfo(["bun", "main.ts"])).toBeNull();
});
