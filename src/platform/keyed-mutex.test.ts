import { expect, test } from "bun:test";
import { createKeyedMutex } from "./keyed-mutex.ts";

test("work under one key runs alone and in order; a failure is its caller's alone; other keys go on", async () => {
  const inTurn = createKeyedMutex();
  const said: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = inTurn("a", async () => {
    said.push("a1 begins");
    await gate.promise;
    said.push("a1 ends");
  });
  const second = inTurn("a", async () => {
    said.push("a2");
    throw new Error("no");
  });
  const third = inTurn("a", async () => said.push("a3"));
  await inTurn("b", async () => said.push("b"));
  gate.resolve();
  await first;
  await expect(second).rejects.toThrow("no");
  await third;
  expect(said).toEqual(["a1 begins", "b", "a1 ends", "a2", "a3"]);
});
