import { expect, test } from "bun:test";
import { NO_METRICS, stubSocket } from "../../../tests/support/hub-stubs.ts";
import { ANONYMOUS } from "../../platform/caller.ts";
import { Connection } from "../connections/connection.ts";
import { FrameSender } from "../connections/frame-sender.ts";
import { Policies } from "../rooms/policies.ts";
import { RoomRegistry } from "../rooms/room-registry.ts";
import { type JoinOutcome, Joins } from "./join.ts";

test("rooms that wait for a backlog count, too; those that were left meanwhile do not", async () => {
  const room = "event:much";
  const payload = JSON.stringify({ text: "x".repeat(60_000) });
  const entries = Array.from({ length: 10 }, (_, i) => ({ room, seq: i + 1, type: "message:created", payload }));
  let unsent = 0;
  const socket = stubSocket({
    send(text) {
      unsent += text.length;
      return -1;
    },
    getBufferedAmount: () => unsent,
  });
  const rooms = new RoomRegistry({ onFrame() {}, onPublished() {}, onGap() {} });
  const policies = new Policies();
  policies.register("event", { authorize: async () => {} });
  const slice = async (name: string) =>
    name === room ? { room, head: 10, entries, complete: true } : { room: name, head: 0, entries: [], complete: true };
  const joins = new Joins({
    rooms,
    policies,
    sender: new FrameSender(NO_METRICS),
    metrics: NO_METRICS,
    log: { slice, heads: async () => new Map() },
    logger: { warn() {}, error() {} },
    epoch: () => "e",
    roomsPerConnection: 3,
  });
  const connection = new Connection(1, ANONYMOUS, 0, 100);
  connection.socket = socket;
  const join = async (...names: string[]): Promise<JoinOutcome["code"][]> => {
    let codes: JoinOutcome["code"][] = [];
    await joins.join(
      connection,
      names.map((name) => ({ room: `event:${name}`, since: 0 })),
      (outcomes) => {
        codes = outcomes.map(({ code }) => code);
      },
    );
    return codes;
  };
  expect(await join("much", "a")).toEqual([null, null]);
  expect(await join("b", "c")).toEqual([null, "too_many_rooms"]);
  expect(await join("a", "b")).toEqual([null, null]);
  rooms.leave(connection, rooms.open("event:a"));
  expect(await join("c", "d")).toEqual([null, "too_many_rooms"]);
  const drain = setInterval(() => {
    unsent = 0;
    connection.notifyDrained();
  }, 1);
  while (connection.rooms.length < 3) await Bun.sleep(1);
  clearInterval(drain);
  expect(connection.rooms.map(({ name }) => name).sort()).toEqual(["event:b", "event:c", "event:much"]);
  expect(await join("b", "much", "c", "d")).toEqual([null, null, null, "too_many_rooms"]);
});
