import { expect, test } from "bun:test";
import { AppError } from "../errors.ts";
import { computeEtag, refuseStale } from "./etag.ts";

const state = { name: "general", topic: null };
const tag = computeEtag(state);

function outcome(ifMatch: string | undefined): string {
  try {
    refuseStale(ifMatch, state);
    return "ok";
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

test("a tag is quoted, the same for the same state, and another for any other", () => {
  expect(tag).toMatch(/^"[\w-]{22}"$/);
  expect(computeEtag({ ...state })).toBe(tag);
  for (const other of [
    { ...state, topic: "" },
    { ...state, name: "General" },
    { name: null, topic: "general" },
  ]) {
    expect(computeEtag(other)).not.toBe(tag);
  }
});

test("If-Match lets the named state through, in a list, weakened by a proxy, or as *", () => {
  for (const ifMatch of [undefined, "*", tag, `"old", ${tag}`, `${tag},"old"`, `W/${tag}`]) {
    expect([ifMatch, outcome(ifMatch)]).toEqual([ifMatch, "ok"]);
  }
});

test("another state is `changed`; what is no tag is `malformed`", () => {
  for (const ifMatch of ['"old"', '"old", "older"', '""', 'W/"old"']) {
    expect([ifMatch, outcome(ifMatch)]).toEqual([ifMatch, "changed"]);
  }
  for (const ifMatch of ["", tag.slice(1, -1), `${tag} x`, `x${tag}`, `*, ${tag}`]) {
    expect([ifMatch, outcome(ifMatch)]).toEqual([ifMatch, "malformed"]);
  }
});

test("a long hostile header is refused at once", () => {
  expect(outcome(`${'"a" '.repeat(3_000)}x`)).toBe("malformed");
  expect(outcome(`${'"a",'.repeat(3_000)}x`)).toBe("malformed");
});
