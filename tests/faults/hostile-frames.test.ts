import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type HubNode, startHubNode } from "../support/hub-node.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, openRaw, type WsClient, wsFrame } from "../support/ws-client.ts";

/** Whatever one connection sends has its documented reply, and its neighbour in the same room is not affected (SPEC ER-5). */

let node: HubNode;
let otherClient: WsClient;
let received = 0;
const ROOM = "event:neighbours";

beforeAll(async () => {
  node = await startHubNode();
  otherClient = await openClient(node.port);
  await otherClient.request("room:join", { room: ROOM });
});
afterAll(() => node.stop());

let hostile: WsClient;
beforeEach(async () => {
  hostile = await openClient(node.port);
  await hostile.request("room:join", { room: ROOM });
});
afterEach(async () => {
  hostile.close();
  await node.say(ROOM, "still here");
  received++;
  await otherClient.next("message:created", ({ seq }) => seq === received);
  await otherClient.request("system:ping");
  expect(otherClient.closed).toBeNull();
  expect(otherClient.frames.filter(({ type }) => type === "system:error")).toEqual([]);
});

const text = (value: string) => new TextEncoder().encode(value);
const deep = (levels: number) => `{"type":"system:ping","payload":${'{"a":'.repeat(levels)}1${"}".repeat(levels)}}`;

describe("what is no JSON text document", () => {
  const malformed: Record<string, string | Uint8Array<ArrayBuffer>> = {
    "an empty frame": "",
    "a word": "hello",
    "half a document": '{"type":"system:ping"',
    "two documents": '{"type":"system:ping"}\n{"type":"system:ping"}',
    "a trailing comma": '{"type":"system:ping",}',
    "JSON that nests one level too deep": deep(32),
    "JSON that nests ten thousand deep": deep(10_000),
    "brackets without end": "[".repeat(60_000),
    "a binary frame": new Uint8Array([1, 2, 3]),
    "a binary frame with JSON in it": new Uint8Array(text('{"type":"system:ping","id":1}')),
  };
  for (const [name, frame] of Object.entries(malformed)) {
    test(`ER-2 ER-5 ${name} is a PARSE_ERROR, and the connection stays`, async () => {
      hostile.send(frame);
      expect((await hostile.next("system:error")).payload).toMatchObject({ code: "PARSE_ERROR", retry: false });
      expect((await hostile.request("system:ping")).type).toBe("system:pong");
    });
  }
});

describe("what is JSON, but no frame", () => {
  const invalid: Record<string, { frame: string; code?: string; id?: number | string }> = {
    null: { frame: "null" },
    "a number": { frame: "42" },
    "an array": { frame: '[{"type":"system:ping"}]' },
    "no type": { frame: '{"id":7,"payload":{}}', id: 7 },
    "a type that is no text": { frame: '{"type":{},"id":"a"}', id: "a" },
    "an endless type": { frame: JSON.stringify({ type: "t".repeat(65), id: 1 }), id: 1 },
    "an id that is none": { frame: '{"type":"system:ping","id":{"a":1}}' },
    "a join without a room": { frame: '{"type":"room:join","id":2,"payload":{}}', code: "MISSING_EVENT_ID", id: 2 },
    "a join without a payload": { frame: '{"type":"room:join","id":2}', id: 2 },
    "a room name with SQL in it": {
      frame: JSON.stringify({ type: "room:join", id: 3, payload: { room: "event:1'; DROP TABLE rooms; --" } }),
      id: 3,
    },
    "a room name with HTML in it": {
      frame: JSON.stringify({ type: "room:join", id: 3, payload: { room: "<script>alert(1)</script>" } }),
      id: 3,
    },
    "a negative position": { frame: '{"type":"room:join","id":4,"payload":{"room":"event:1","since":-1}}', id: 4 },
    "a position beyond all numbers": {
      frame: '{"type":"room:join","id":4,"payload":{"room":"event:1","since":1e300}}',
      id: 4,
    },
    "rooms that are no object": { frame: '{"type":"system:resume","id":5,"payload":{"rooms":[1]}}', id: 5 },
    "too many rooms": {
      frame: JSON.stringify({
        type: "system:resume",
        id: 6,
        payload: {
          rooms: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`event:${i}`, { seq: 0, epoch: "" }])),
        },
      }),
      id: 6,
    },
    "the prototype as a room": {
      frame: '{"type":"system:resume","id":8,"payload":{"rooms":{"__proto__":{"seq":"x"},"constructor":{"seq":0}}}}',
      id: 8,
    },
  };
  for (const [name, { frame, code = "INVALID_PAYLOAD", id }] of Object.entries(invalid)) {
    test(`ER-3 ER-5 ${name} is ${code}, and the connection stays`, async () => {
      hostile.send(frame);
      const result = await hostile.next("system:error");
      expect(result.payload).toMatchObject({ code, retry: false });
      expect(result.id).toBe(id as number);
      expect((await hostile.request("system:ping")).type).toBe("system:pong");
    });
  }

  test("FR-4 JSON that nests 32 levels is taken", async () => {
    hostile.send(deep(31));
    await hostile.next("system:pong");
  });

  test("FR-3 an unknown type gets a reply when it has an id, and is ignored otherwise", async () => {
    hostile.send({ type: "no:such" });
    hostile.send({ type: "__proto__" });
    expect((await hostile.request("no:such")).payload).toMatchObject({ code: "UNKNOWN_TYPE" });
    expect((await hostile.request("constructor")).payload).toMatchObject({ code: "UNKNOWN_TYPE" });
    expect(hostile.frames.filter(({ type }) => type === "system:error")).toHaveLength(2);
  });
});

test("FR-4 a frame that is too long closes the connection with 1009, and one that just fits does not", async () => {
  const { payload } = await hostile.next("system:connected");
  hostile.send('{"type":"system:ping","id":1}'.padEnd(Number(payload.max_frame)));
  expect((await hostile.next("system:pong")).id).toBe(1);
  hostile.send('{"type":"system:ping","id":2}'.padEnd(Number(payload.max_frame) + 1));
  expect(await hostile.end()).toBe(1009);
});

describe("what is no proper WebSocket message", () => {
  const broken: Record<string, Uint8Array> = {
    "a length of four gigabytes": Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    "bytes that are no UTF-8": wsFrame(1, new Uint8Array([0x22, 0xff, 0xfe, 0x22])),
    "a frame without a mask": wsFrame(1, text('{"type":"system:ping"}'), { masked: false }),
    "a reserved bit": wsFrame(1, text("{}"), { rsv: 4 }),
    "a reserved opcode": wsFrame(3, text("{}")),
    "a continuation of nothing": wsFrame(0, text("{}")),
    "a ping in pieces": wsFrame(9, text("x"), { fin: false }),
    "a ping that is too long": wsFrame(9, new Uint8Array(126)),
  };
  for (const [name, bytes] of Object.entries(broken)) {
    test(`ER-4 ER-5 ${name} ends the connection`, async () => {
      const socket = await openRaw(node.port);
      let ended = false;
      socket.on("close", () => {
        ended = true;
      });
      socket.write(bytes);
      await waitUntil("the server closed the socket", () => ended);
    });
  }
});
