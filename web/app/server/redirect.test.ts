import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import fc from "fast-check";
import { redirect, safePath } from "./redirect.ts";

/** The host that a browser on this site is redirected to; also when the path is resolved before it is sent, as React Router does. */
function resolveHost(path: string): string {
  const once = new URL(path, "http://here");
  return new URL(once.pathname + once.search + once.hash, "http://here").host;
}

test("signing in leads to a page of this site only", () => {
  expect(safePath("/channels/1?at=2#m-2")).toBe("/channels/1?at=2#m-2");
  for (const elsewhere of [
    null,
    "",
    "channels",
    "//evil.test",
    "/\\evil.test",
    "https://evil.test/",
    "javascript:alert(1)",
    "/\t/evil.test",
    "/.//evil.test",
    "/x/..//evil.test",
    "/%2e//evil.test",
    "/.%2E/%2e//evil.test",
    "/.//\\evil.test",
    "/./\\evil.test",
    "/.\n//evil.test",
    "/..//evil.test/login.data",
    "//[",
  ]) {
    expect(safePath(elsewhere)).toBe("/");
    expect(redirect(elsewhere ?? "").headers.get("location")).toBe("/");
  }
});

test("a redirect never leaves this site, whatever the path is", () => {
  const piece = fc.constantFrom(
    "/",
    "\\",
    ".",
    "..",
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "\t",
    "\n",
    " ",
    "@",
    ":",
    "?",
    "#",
    "evil.test",
    "x",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const path = safePath(`/${pieces.join("")}`);
      expect(path).toMatch(/^\/(?![/\\])/);
      expect(resolveHost(path)).toBe("here");
    }),
    { numRuns: 5_000 },
  );
});

test("no page redirects by another function", () => {
  const app = join(import.meta.dirname, "..");
  const others = [...new Glob("**/*.{ts,tsx}").scanSync(app)].filter((path) => {
    if (path === "server/redirect.ts" || path.endsWith(".test.ts")) return false;
    const text = readFileSync(join(app, path), "utf8");
    return (
      /\b(redirectDocument|Response\.redirect|"location":|location:)/i.test(text) ||
      (text.match(/import \{[^}]*\} from "react-router"/g) ?? []).some((line) => /\b(redirect|replace)\b/.test(line))
    );
  });
  expect(others).toEqual([]);
});
