import { expect, test } from "bun:test";
import type { Line } from "./message.ts";
import { Questions } from "./questions.ts";

/** Node 1 of three; what it asked, and its clockwork. */
function node(living: number[] = [1, 2, 3]) {
  const asked: string[] = [];
  const questions = new Questions({
    node: () => 1,
    living: () => living,
    connected: () => true,
    send: (_to, line: Line) => line.what === "question" && asked.push(line.id),
  });
  questions.answer("how many", () => 10);
  const gather = async (timeout: number) => {
    const began = performance.now();
    const { answers, partial } = await questions.gather<number>("how many", null, timeout);
    return { sum: answers.reduce((a, b) => a + b, 0), partial, waited: performance.now() - began > timeout / 2 };
  };
  return { questions, asked, gather };
}

test("a node that is silent is waited for once, and again when something was heard of it", async () => {
  const { questions, asked, gather } = node();
  const first = gather(40);
  questions.answered(2, asked.at(-1)!, "1");
  expect(await first).toEqual({ sum: 11, partial: true, waited: true });

  // Without an answer of node 3, and without waiting for one.
  const second = gather(5_000);
  questions.answered(2, asked.at(-1)!, "1");
  expect(await second).toEqual({ sum: 11, partial: true, waited: false });

  questions.heard(3);
  const third = gather(5_000);
  questions.answered(2, asked.at(-1)!, "1");
  questions.answered(3, asked.at(-1)!, "5");
  expect(await third).toEqual({ sum: 16, partial: false, waited: false });
});

test("an answer that comes twice counts once, and one of a node that has just come counts too", async () => {
  const { questions, asked, gather } = node();
  const all = gather(5_000);
  for (const who of [2, 2, 4, 4, 3]) questions.answered(who, asked.at(-1)!, "1");
  expect(await all).toEqual({ sum: 13, partial: false, waited: false });
});
