import { expect, test } from "bun:test";
import * as protocol from "../../protocol/objects.ts";
import * as limits from "./limits.ts";

test("the pages' limits are the protocol's", () => {
  expect(limits.MESSAGE_MAX).toBe(protocol.MESSAGE_MAX);
});
