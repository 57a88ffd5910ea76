import { expect, test } from "bun:test";
import { chooseSeed, seeded } from "../../../tests/support/seeded.ts";
import { Beats, PARTS } from "./beats.ts";

test("SS-5 crowds that come and go make nobody wait longer than a round for a sign of life", () => {
  const random = seeded(chooseSeed("crowds"));
  const beats = new Beats(15_000);
  let walks = 0;
  let longest = 0;
  let most = 0;
  let beaten = 0;
  const add = () => {
    let beatAt = walks;
    const stream = {
      beat() {
        longest = Math.max(longest, walks - beatAt);
        beatAt = walks;
        beaten++;
      },
    };
    beats.add(stream);
    return stream;
  };
  const stay = Array.from({ length: 3 }, add);
  let crowd: { beat(): void }[] = [];
  for (; walks < 2_000; walks++) {
    if (random.chance(0.05)) {
      for (const stream of crowd) beats.delete(stream);
      crowd = Array.from({ length: random.int(0, 500) }, add);
    }
    if (random.chance(0.05)) stay.push(add());
    beaten = 0;
    beats.walk();
    most = Math.max(most, beaten);
  }
  expect(longest).toBe(PARTS);
  expect(most).toBeLessThan(150);
  beats.stop();
});

test("a single stream has one sign of life in a round", () => {
  let signs = 0;
  const beats = new Beats(15_000);
  beats.add({ beat: () => void signs++ });
  for (let walks = 0; walks < 5 * PARTS; walks++) beats.walk();
  expect(signs).toBe(5);
  beats.stop();
});
