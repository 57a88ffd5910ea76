import { expect, test } from "bun:test";
import { NO_TRACING } from "../platform/tracing.ts";
import type { Receivers } from "../realtime/broker/broker.ts";
import { startFanOut } from "./start-fan-out.ts";

/** What a fan-out did, in order. It is given parts that only tell of it. */
async function fanOut() {
  const done: string[] = [];
  const says =
    (name: string) =>
    (...args: unknown[]) =>
      void done.push([name, ...args.map((arg) => JSON.stringify(arg))].join(" "));
  let receivers!: Receivers;
  const parts = [
    { logger: {}, tracing: NO_TRACING },
    { tail: { read: async () => {}, nudge: says("nudge"), hurryWhile: () => {} } },
    { receive: (by: Receivers) => (receivers = by), publish: () => {} },
    { publish: says("show"), announce: says("announce") },
    { appended: () => {}, delivered: () => {} },
  ];
  const publish = await (startFanOut as (...parts: unknown[]) => ReturnType<typeof startFanOut>)(...parts);
  return { done, receivers, publish };
}

const ENTRY = { room: "event:1", seq: 7, type: "a:b", payload: "{}" };

test("what this node commits, and what another one tells of, is shown, and wakes the consumers of the whole log", async () => {
  const { done, receivers, publish } = await fanOut();
  const shown = [`show ${JSON.stringify([ENTRY])}`, "nudge"];
  publish([ENTRY], 1);
  expect(done.splice(0)).toEqual(shown);
  receivers.entries([ENTRY]);
  expect(done.splice(0)).toEqual(shown);
  receivers.announced("event:1", 8);
  expect(done.splice(0)).toEqual(['announce "event:1" 8', "nudge"]);
});
