import { expect, test } from "bun:test";
import { ANONYMOUS } from "../../platform/caller.ts";
import { MAX_IN_FLIGHT, MAX_QUEUED_FRAMES } from "../limits/fixed-limits.ts";
import { Connection } from "./connection.ts";
import { InboundQueue } from "./frame-receiver.ts";

const connection = () => new Connection(1, ANONYMOUS, 0, 1);
const turn = () => new Promise(setImmediate);

test("OR-1 commands are handled one at a time and in order", async () => {
  const log: string[] = [];
  const inboundQueue = new InboundQueue(connection(), async (_connection, frame) => {
    log.push(`${frame} begins`);
    await turn();
    log.push(`${frame} ends`);
  });
  for (const frame of ["a", "b", "c"]) inboundQueue.push(frame);
  for (let i = 0; i < 6; i++) await turn();
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("OR-1 after an accepted command the next one is handled, in order, up to a bound", async () => {
  const taken: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const owner = connection();
  owner.inboundQueue = new InboundQueue(owner, (_connection, frame, accepted) => {
    taken.push(Number(frame));
    accepted();
    return promise;
  });
  const { inboundQueue } = owner;
  for (let i = 0; i < MAX_IN_FLIGHT + MAX_QUEUED_FRAMES; i++) expect(inboundQueue.push(String(i))).toBe(true);
  expect(inboundQueue.push("one too many")).toBe(false);
  expect(taken).toHaveLength(MAX_IN_FLIGHT);
  resolve();
  await turn();
  expect(taken).toEqual(Array.from({ length: MAX_IN_FLIGHT + MAX_QUEUED_FRAMES }, (_, i) => i));
  expect(owner.inboundQueue).toBeNull();
});

test("a command that is done at once leaves no inbound queue", () => {
  const owner = connection();
  owner.inboundQueue = new InboundQueue(owner, () => undefined);
  owner.inboundQueue.push("x");
  expect(owner.inboundQueue).toBeNull();
});
