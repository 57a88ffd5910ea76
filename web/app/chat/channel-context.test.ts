import { expect, test } from "bun:test";
import { countOthersOnline } from "./channel-context.ts";

const [ada, ben] = ["1", "2"].map((user_id) => ({ user_id, username: user_id }));

test("others are counted, whether or not the server counts the reader yet", () => {
  expect(countOthersOnline(null, "1")).toBe(0);
  expect(countOthersOnline({ count: 0, members: [] }, "1")).toBe(0);
  expect(countOthersOnline({ count: 1, members: [ada!] }, "1")).toBe(0);
  expect(countOthersOnline({ count: 1, members: [ben!] }, "1")).toBe(1);
  expect(countOthersOnline({ count: 2, members: [ada!, ben!] }, "1")).toBe(1);
  expect(countOthersOnline({ count: 300, members: null }, "1")).toBe(299);
});
