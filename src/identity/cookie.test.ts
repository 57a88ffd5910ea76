import { expect, test } from "bun:test";
import { clearSessionCookie, readSessionCookie, setSessionCookie } from "./cookie.ts";

const ours = "A".repeat(43);
const planted = "B".repeat(43);

test("over https the cookie's name proves that no other host and no http page has set it", () => {
  expect(setSessionCookie(ours, 60_000, true)).toBe(
    `__Host-usher_session=${ours}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure`,
  );
  expect(clearSessionCookie(true)).toStartWith("__Host-usher_session=; Path=/; Max-Age=0");
  expect(setSessionCookie(ours, 60_000, false)).toStartWith(`usher_session=${ours}; Path=/;`);
});

test("where all pages are https, a cookie under the plain name is ignored", () => {
  const both = `usher_session=${planted}; __Host-usher_session=${ours}`;
  expect(readSessionCookie(both, true)).toBe(ours);
  expect(readSessionCookie(both, false)).toBe(ours);
  expect(readSessionCookie(`usher_session=${planted}`, true)).toBeNull();
  expect(readSessionCookie(`a=1; usher_session=${ours}`, false)).toBe(ours);
  expect(readSessionCookie(null, false)).toBeNull();
});
