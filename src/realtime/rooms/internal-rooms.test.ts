import { expect, test } from "bun:test";
import { InternalRooms } from "./internal-rooms.ts";

const entry = (room: string, seq = 1) => ({ room, seq, type: "t", payload: "{}" });

test("an entry that a watcher cannot handle blocks no other: its state is read again instead", async () => {
  const errors: unknown[] = [];
  const handled: number[] = [];
  let reads = 0;
  const rooms = new InternalRooms((error) => errors.push(error));
  rooms.watch("_new", {
    entry({ seq }) {
      if (seq === 1) throw new Error("a newer release wrote this");
      handled.push(seq);
    },
    async interrupted() {
      if (++reads === 1) throw new Error("the database is away");
    },
  });
  expect(rooms.deliver([entry("_new", 1), entry("event:1"), entry("_new", 2)])).toEqual([entry("event:1")]);
  await Bun.sleep(0);
  expect([handled, reads, errors.map(String)]).toEqual([
    [2],
    1,
    ["Error: a newer release wrote this", "Error: the database is away"],
  ]);
});
