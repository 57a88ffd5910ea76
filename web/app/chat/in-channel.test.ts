import { expect, test } from "bun:test";
import { othersHere } from "./in-channel.ts";

const [ada, ben] = ["1", "2"].map((user_id) => ({ user_id, username: user_id }));

test("others are counted whether or not the server has seen the reader yet", () => {
  expect(othersHere(null, "1")).toBe(0);
  expect(othersHere({ count: 0, members: [] }, "1")).toBe(0);
  expect(othersHere({ count: 1, members: [ada!] }, "1")).toBe(0);
  expect(othersHere({ count: 1, members: [ben!] }, "1")).toBe(1);
  expect(othersHere({ count: 2, members: [ada!, ben!] }, "1")).toBe(1);
  expect(othersHere({ count: 300, members: null }, "1")).toBe(299);
});
