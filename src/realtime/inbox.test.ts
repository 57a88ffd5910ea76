import { expect, test } from "bun:test";
import { ANONYMOUS } from "../platform/caller.ts";
import { Connection } from "./connection.ts";
import { Inbox } from "./inbox.ts";
import { IN_FLIGHT, QUEUE_FRAMES } from "./limits.ts";

const connection = () => new Connection(1, ANONYMOUS, 0, 1);
const turn = () => new Promise(setImmediate);

test("OR-1 commands are taken one at a time and in order", async () => {
  const log: string[] = [];
  const inbox = new Inbox(connection(), async (_connection, frame) => {
    log.push(`${frame} begins`);
    await turn();
    log.push(`${frame} ends`);
  });
  for (const frame of ["a", "b", "c"]) inbox.push(frame);
  for (let i = 0; i < 6; i++) await turn();
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("OR-1 a command that is queued elsewhere lets the next one be taken, in order, up to a bound", async () => {
  const taken: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const owner = connection();
  owner.inbox = new Inbox(owner, (_connection, frame, accepted) => {
    taken.push(Number(frame));
    accepted();
    return promise;
  });
  const { inbox } = owner;
  for (let i = 0; i < IN_FLIGHT + QUEUE_FRAMES; i++) expect(inbox.push(String(i))).toBe(true);
  expect(inbox.push("one too many")).toBe(false);
  expect(taken).toHaveLength(IN_FLIGHT);
  resolve();
  await turn();
  expect(taken).toEqual(Array.from({ length: IN_FLIGHT + QUEUE_FRAMES }, (_, i) => i));
  expect(owner.inbox).toBeNull();
});

test("a command that is done at once leaves no inbox behind", () => {
  const owner = connection();
  owner.inbox = new Inbox(owner, () => undefined);
  owner.inbox.push("x");
  expect(owner.inbox).toBeNull();
});
