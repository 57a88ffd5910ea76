import { expect, test } from "bun:test";
import { UsherError } from "../../../sdk/errors.ts";
import { cookieOf } from "./cookie.ts";
import { refusal } from "./forms.ts";
import { safePath } from "./hub.ts";

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
  ]) {
    expect(new URL(safePath(elsewhere), "http://here").host).toBe("here");
  }
});

test("what the hub refused stands beside its field, and passwords are not sent back", () => {
  const form = new FormData();
  form.set("username", "a");
  form.set("password", "secret");
  const errors = [{ pointer: "/username", code: "too_small", message: "at least 2 characters" }];
  expect(
    refusal(new UsherError("invalid", "Some values are not valid.", { retry: false, status: 422, errors }), form),
  ).toEqual({
    message: null,
    fields: { username: "At least 2 characters." },
    typed: { username: "a" },
  });
  expect(refusal(new UsherError("username_taken", "Taken.", { retry: false, status: 409 }), form).fields).toEqual({
    username: "Taken.",
  });
  const limited = new UsherError("rate_limited", "Too many tries.", { retry: true, status: 429, retryAfter: 120 });
  expect(refusal(limited, form).message).toBe("Too many tries. Try again in 2 minutes.");
});

test("a cookie is found by its whole name", () => {
  const request = new Request("http://here/", { headers: { cookie: "xzone=no; zone=Europe%2FBerlin; bad=%E0" } });
  expect(cookieOf(request, "zone")).toBe("Europe/Berlin");
  expect(cookieOf(request, "bad")).toBe("%E0");
  expect(cookieOf(request, "one")).toBeNull();
});
