import { expect, test } from "bun:test";
import { NO_TRACING } from "../platform/tracing.ts";
import type { Receivers } from "../realtime/broker/broker.ts";
import { startFanOut } from "./start-fan-out.ts";

/** What a fan-out did, in order, recorded by stubs of its parts. */
async function fanOut(show?: () => never) {
  const done: string[] = [];
  const record =
    (name: string) =>
    (...args: unknown[]) =>
      void done.push([name, ...args.map((arg) => JSON.stringify(arg))].join(" "));
  let receivers!: Receivers;
  const parts = [
    { logger: { error: record("error") }, tracing: NO_TRACING },
    { tail: { addConsumer: async () => {}, notify: record("notify"), pollFasterWhile: () => {} } },
    { receive: (by: Receivers) => (receivers = by), publish: () => {} },
    { publish: show ?? record("show"), announce: record("announce") },
    { observeAppend: () => {}, observeDelivery: () => {} },
  ];
  const publish = await (startFanOut as (...parts: unknown[]) => ReturnType<typeof startFanOut>)(...parts);
  return { done, receivers, publish };
}

const ENTRY = { room: "event:1", seq: 7, type: "a:b", payload: "{}" };

test("what this node commits, and what another one announces, is shown, and wakes the consumers of the whole log", async () => {
  const { done, receivers, publish } = await fanOut();
  const shown = [`show ${JSON.stringify([ENTRY])}`, "notify"];
  publish([ENTRY], 1);
  expect(done.splice(0)).toEqual(shown);
  receivers.entries([ENTRY]);
  expect(done.splice(0)).toEqual(shown);
  receivers.announced("event:1", 8);
  expect(done.splice(0)).toEqual(['announce "event:1" 8', "notify"]);
});

test("entries whose delivery fails are committed all the same: the error is logged, and the log tail delivers them", async () => {
  const { done, publish } = await fanOut(() => {
    throw new Error("a defect of the fan-out");
  });
  publish([ENTRY], 1);
  expect(done[0]).toStartWith("error ");
  expect(done.slice(1)).toEqual(["notify"]);
});
