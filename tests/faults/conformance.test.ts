import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type HubNode, startHubNode } from "../support/hub-node.ts";
import { openRawWebSocket, type ServerFrame } from "../support/raw-socket.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient, wsFrame } from "../support/ws-client.ts";
import { CONFORMANCE, type ConformanceCase } from "./conformance-cases.ts";

/** RFC 6455 as our server implements it, byte for byte (SPEC ER-4, ER-5, FR-4); docs/hostile-clients.md has the exceptions. */

let node: HubNode;
let otherClient: WsClient;
const ROOM = "event:neighbours";

beforeAll(async () => {
  node = await startHubNode({ limits: { rate: 1_000, burst: 20_000, bytes: 10_000_000 } });
  otherClient = await openClient(node.port);
  await otherClient.request("room:join", { room: ROOM });
});
afterAll(() => node.stop());

afterEach(async () => {
  await otherClient.request("system:ping");
  expect(otherClient.closed).toBeNull();
  expect(otherClient.frames.filter(({ type }) => type === "system:error")).toEqual([]);
});

test("most rules of RFC 6455 are implemented exactly", () => {
  expect(CONFORMANCE.length).toBeGreaterThan(60);
  expect(CONFORMANCE.filter(({ does }) => does !== undefined).map(({ name }) => name)).toEqual([
    "a length of 60 bytes in 64 bits, which 7 would hold",
    "a length with the highest bit set",
    "not: a wrong byte in a fragment, before the message has ended",
  ]);
});

/** What the server did: the close code, null for a close frame without one, "cut" without any; undefined while it is open. */
interface Outcome {
  replies: string[];
  pongs: string[];
  refusals: number;
  close?: number | null | "cut";
}

function readOutcome(frames: ServerFrame[], ended: boolean): Outcome {
  const texts = frames.filter(({ opcode }) => opcode === 1).map(({ payload }) => JSON.parse(payload.toString()));
  const close = frames.find(({ opcode }) => opcode === 8);
  const outcome: Outcome = {
    replies: texts.filter(({ type, id }) => type === "system:pong" && id !== LAST).map(({ id }) => id),
    pongs: frames.filter(({ opcode }) => opcode === 10).map(({ payload }) => payload.toString("latin1")),
    refusals: texts.filter(({ payload }) => payload?.code === "PARSE_ERROR").length,
  };
  if (close !== undefined) outcome.close = close.payload.length < 2 ? null : close.payload.readUInt16BE(0);
  else if (ended) outcome.close = "cut";
  return outcome;
}

const LAST = "the last one";

async function run({ send }: ConformanceCase): Promise<Outcome> {
  const socket = await openRawWebSocket(node.port);
  for (const part of send) {
    if (part instanceof Uint8Array) socket.write(part);
    else await socket.writeSlowly(part.bytewise);
  }
  // An open connection gets a reply to this one, and then all before it have theirs.
  socket.write(wsFrame(1, Buffer.from(JSON.stringify({ type: "system:ping", id: LAST }))));
  const isReplied = () => socket.frames().some(({ opcode, payload }) => opcode === 1 && payload.includes(LAST));
  await waitUntil("the reply came, or the end", () => socket.ended || isReplied());
  socket.destroy();
  return readOutcome(socket.frames(), socket.ended);
}

for (const one of CONFORMANCE) {
  test(`ER-4 ER-5 ${one.group}: ${one.name}`, async () => {
    const { replies: results = [], pongs = [], refusals = 0, close } = one.does ?? one.wants;
    expect(await run(one)).toEqual({ replies: results, pongs, refusals, close });
  });
}
