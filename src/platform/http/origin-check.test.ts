import { expect, test } from "bun:test";
import { createOriginCheck } from "./origin-check.ts";

const allowed = { ALLOWED_ORIGINS: ["https://app.example.org"] };

test("with PUBLIC_URL only its origin and the allowed ones are ours, whatever host was asked", () => {
  const isOwn = createOriginCheck({ ...allowed, PUBLIC_URL: "https://chat.example.org/" });
  for (const origin of ["https://chat.example.org", "https://app.example.org"])
    expect(isOwn(origin, "chat.example.org")).toBeTrue();
  for (const origin of ["http://chat.example.org", "https://chat.example.org:8443", "http://localhost:3003", "null"])
    expect(isOwn(origin, origin.replace(/^.*\/\//, ""))).toBeFalse();
});

test("without it the host under which we were asked is ours, as localhost and as an address", () => {
  const isOwn = createOriginCheck({ ...allowed, PUBLIC_URL: null });
  for (const host of ["localhost:3003", "127.0.0.1:3003", "chat.lan"]) expect(isOwn(`http://${host}`, host)).toBeTrue();
  expect(isOwn("https://chat.lan", "chat.lan")).toBeTrue(); // a proxy ended TLS
  expect(isOwn("https://evil.example", "localhost:3003")).toBeFalse();
  for (const scheme of ["ftp", "app", "file", "javascript"])
    expect(isOwn(`${scheme}://chat.lan`, "chat.lan")).toBeFalse();
});
