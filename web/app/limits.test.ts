import { expect, test } from "bun:test";
import * as protocol from "../../protocol/objects.ts";
import * as limits from "./limits.ts";

test("the limits of the pages are those of the protocol", () => {
  expect(limits.MESSAGE_MAX).toBe(protocol.MESSAGE_MAX);
});
