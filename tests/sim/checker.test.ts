import { expect, test } from "bun:test";
import { type Evidence, findFaults, type Seen } from "./checker.ts";

const ROOM = "channel:1";

/** Ann and Bob in one channel; Bob is removed at 4. Everything is as it should be. */
function whole() {
  const rows: Seen[] = [
    { seq: 1, type: "member:joined", subject: "bob" },
    { seq: 2, type: "message:created", subject: "m1" },
    { seq: 3, type: "message:created", subject: "m2" },
    { seq: 4, type: "member:left", subject: "bob" },
    { seq: 5, type: "message:deleted", subject: "m2" },
  ];
  const texts = new Map([
    ["m1", "one"],
    ["m2", ""],
  ]);
  const stretch = (count: number) => ({
    from: 0,
    seen: rows.slice(0, count).map((row) => ({ ...row })),
    texts: new Map(texts),
  });
  const message = (id: string, clientId: string, content: string) => ({
    id,
    channelId: "1",
    userId: "ann",
    clientId,
    content,
  });
  const note = (clientId: string, messageId: string, seq: number) => ({
    who: "ann",
    userId: "ann",
    channelId: "1",
    clientId,
    ack: { messageId, seq },
    refused: false,
  });
  return {
    log: new Map([[ROOM, rows]]),
    heads: new Map([[ROOM, 5]]),
    messages: [message("m1", "c1", "one"), message("m2", "c2", "")],
    views: [
      { who: "ann", userId: "ann", room: ROOM, stretches: [stretch(5)], listening: true, mistaken: false },
      { who: "bob", userId: "bob", room: ROOM, stretches: [stretch(4)], listening: false, mistaken: false },
    ],
    written: [note("c1", "m1", 2), note("c2", "m2", 3)],
  } satisfies Evidence;
}

type World = ReturnType<typeof whole>;

test("a whole world has no faults", () => {
  expect(findFaults(whole())).toEqual([]);
});

const INJECTED: [string, (world: World) => void, RegExp][] = [
  ["a dropped frame", ({ views }) => views[0]!.stretches[0]!.seen.splice(2, 1), /3 to 3 are lost/],
  ["a dropped last frame", ({ views }) => views[0]!.stretches[0]!.seen.pop(), /ends at 4, the log at 5/],
  [
    "a repeated frame",
    ({ views }) => views[0]!.stretches[0]!.seen.splice(2, 0, { seq: 2, type: "message:created", subject: "m1" }),
    /twice or out of order/,
  ],
  [
    "two swapped frames",
    ({ views }) => {
      const { seen } = views[0]!.stretches[0]!;
      [seen[1], seen[2]] = [seen[2]!, seen[1]!];
    },
    /twice or out of order/,
  ],
  [
    "a fresh beginning that nothing called for",
    ({ views }) => views[0]!.stretches.unshift({ from: 0, seen: [], texts: new Map() }),
    /reset 1 times, not 0/,
  ],
  [
    "a position of another epoch that was taken for good",
    ({ views }) => Object.assign(views[0]!, { mistaken: true }),
    /reset 0 times, not 1/,
  ],
  ["a frame of another message", ({ views }) => (views[0]!.stretches[0]!.seen[1]!.subject = "m9"), /m9, the log has/],
  [
    "a frame that was never stored",
    ({ views }) => views[0]!.stretches[0]!.seen.push({ seq: 6, type: "x", subject: "" }),
    /6 is not in the log/,
  ],
  ["a lost row of the log", ({ log }) => log.get(ROOM)!.splice(2, 1), /entry 4 is at position 3/],
  ["a lost last row of the log", ({ log }) => log.get(ROOM)!.pop(), /head 5, but 4 entries/],
  [
    "a frame that leaks to a removed member",
    ({ views }) => views[1]!.stretches[0]!.seen.push({ seq: 5, type: "message:deleted", subject: "m2" }),
    /bob in channel:1: 5 was shown after the removal at 4/,
  ],
  ["a deleted text that is still shown", ({ views }) => views[0]!.stretches[0]!.texts.set("m2", "two"), /reads "two"/],
  ["a lost message", ({ messages }) => messages.pop(), /stored 0 times/],
  ["a message stored twice", ({ messages }) => messages.push({ ...messages[0]!, id: "m7" }), /stored 2 times/],
  [
    "a message from nowhere",
    ({ messages }) => messages.push({ ...messages[0]!, id: "m8", clientId: "c8" }),
    /no device sent it/,
  ],
  ["an acknowledgement of another message", ({ written }) => (written[0]!.ack.messageId = "m2"), /got m2 for c1/],
  ["messages in another order than written", ({ written }) => written.reverse(), /after the one at 3/],
  [
    "a message that was never acknowledged",
    ({ written }) => Object.assign(written[0]!, { ack: null }),
    /never acknowledged/,
  ],
];

for (const [name, plant, complaint] of INJECTED) {
  test(`${name} is caught`, () => {
    const world = whole();
    plant(world);
    expect(findFaults(world).join("\n")).toMatch(complaint);
  });
}
