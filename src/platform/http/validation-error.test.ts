import { expect, test } from "bun:test";
import { z } from "zod";
import { describeIssue } from "./validation-error.ts";

const describe = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues.map(describeIssue);

test("limits are named in plain words, with their unit; a message of ours stays", () => {
  expect(describe(z.array(z.string()).min(1), [])).toEqual(["at least 1 item"]);
  expect(describe(z.array(z.string()).max(2), ["a", "b", "c"])).toEqual(["at most 2 items"]);
  expect(describe(z.string().min(1), "")).toEqual(["at least 1 character"]);
  expect(describe(z.string().max(80), "x".repeat(81))).toEqual(["at most 80 characters"]);
  expect(describe(z.number().int().max(100), 101)).toEqual(["at most 100"]);
  expect(describe(z.coerce.number().min(1), "0")).toEqual(["at least 1"]);
  expect(describe(z.string().max(3, { error: "at most three letters" }), "four")).toEqual(["at most three letters"]);
  expect(describe(z.object({ name: z.string() }), {})).toEqual(["is required"]);
});
