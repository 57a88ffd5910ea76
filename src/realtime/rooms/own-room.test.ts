import { expect, test } from "bun:test";
import { NO_METRICS, stubSocket } from "../../../tests/support/hub-stubs.ts";
import type { UserCaller } from "../../platform/caller.ts";
import { Connection } from "../connections/connection.ts";
import { FrameSender } from "../connections/frame-sender.ts";
import { Joins } from "../recovery/join.ts";
import { Policies } from "./policies.ts";
import { RoomRegistry } from "./room-registry.ts";

const ROOM = "user:ann";
const entry = (seq: number) => ({ room: ROOM, seq, type: "t", payload: "{}" });

test("JN-4 in a person's own room, too, nothing can come between the last check and going live", async () => {
  const received: number[] = [];
  const socket = stubSocket({
    send: (text) => received.push(JSON.parse(text).seq),
  });
  const caller: UserCaller = {
    kind: "user",
    userId: "ann",
    username: "ann",
    role: "member",
    sessionId: null,
    expiresAt: null,
  };
  const sender = new FrameSender(NO_METRICS);
  const rooms: RoomRegistry = new RoomRegistry({
    onFrame(room, type, frame) {
      for (const connection of room.selectLive(rooms.userConnections.get("ann"))) sender.send(connection, type, frame);
    },
    onPublished() {},
    onGap() {},
  });
  const joins = new Joins({
    rooms,
    sender,
    policies: new Policies(),
    metrics: NO_METRICS,
    log: { slice: async (room) => ({ room, head: 0, entries: [], complete: true }), heads: async () => new Map() },
    logger: { warn() {}, error() {} },
    epoch: () => "e",
    roomsPerConnection: 10,
  });
  const connection = new Connection(1, caller, 0, 100);
  connection.socket = socket;
  rooms.userConnections.add("ann", connection);
  let over = false;
  let ingested = 0;
  const joined = joins.join(connection, [{ room: ROOM, since: 0 }], () => {});
  // Something is ingested whenever anything else runs.
  const ingesting = (async () => {
    while (!over) {
      rooms.ingest([entry(++ingested)]);
      await null;
    }
  })();
  await joined;
  for (let turns = 0; turns < 20; turns++) await null;
  over = true;
  await ingesting;
  expect(received).toEqual(Array.from({ length: ingested }, (_, i) => i + 1));
});
