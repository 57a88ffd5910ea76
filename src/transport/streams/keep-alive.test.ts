import { expect, test } from "bun:test";
import { chooseSeed, seeded } from "../../../tests/support/seeded.ts";
import { KeepAlive, SLOTS } from "./keep-alive.ts";

test("SS-5 streams that come and go make no other wait longer than a round for its heartbeat", () => {
  const random = seeded(chooseSeed("keep-alive"));
  const keepAlive = new KeepAlive(15_000);
  let slots = 0;
  let longest = 0;
  let max = 0;
  let heartbeats = 0;
  const add = () => {
    let lastAt = slots;
    const stream = {
      heartbeat() {
        longest = Math.max(longest, slots - lastAt);
        lastAt = slots;
        heartbeats++;
      },
    };
    keepAlive.add(stream);
    return stream;
  };
  const stay = Array.from({ length: 3 }, add);
  let burst: { heartbeat(): void }[] = [];
  for (; slots < 2_000; slots++) {
    if (random.chance(0.05)) {
      for (const stream of burst) keepAlive.delete(stream);
      burst = Array.from({ length: random.int(0, 500) }, add);
    }
    if (random.chance(0.05)) stay.push(add());
    heartbeats = 0;
    keepAlive.heartbeatNextSlot();
    max = Math.max(max, heartbeats);
  }
  expect(longest).toBe(SLOTS);
  expect(max).toBeLessThan(150);
  keepAlive.stop();
});

test("a single stream has one heartbeat in a round", () => {
  let heartbeats = 0;
  const keepAlive = new KeepAlive(15_000);
  keepAlive.add({ heartbeat: () => void heartbeats++ });
  for (let slots = 0; slots < 5 * SLOTS; slots++) keepAlive.heartbeatNextSlot();
  expect(heartbeats).toBe(5);
  keepAlive.stop();
});
