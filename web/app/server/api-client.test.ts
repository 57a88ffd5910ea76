import { expect, test } from "bun:test";
import { UsherError } from "../../../sdk/errors.ts";
import { readCookie } from "./cookie.ts";
import { toRefusal } from "./forms.ts";

test("an error of the API is shown beside its field, and passwords are not sent back", () => {
  const form = new FormData();
  form.set("username", "a");
  form.set("password", "secret");
  const errors = [{ pointer: "/username", code: "too_small", message: "at least 2 characters" }];
  expect(
    toRefusal(new UsherError("invalid", "Some values are not valid.", { retry: false, status: 422, errors }), form),
  ).toEqual({
    message: null,
    fields: { username: "At least 2 characters." },
    typed: { username: "a" },
  });
  expect(toRefusal(new UsherError("username_taken", "Taken.", { retry: false, status: 409 }), form).fields).toEqual({
    username: "Taken.",
  });
  const limited = new UsherError("rate_limited", "Too many tries.", { retry: true, status: 429, retryAfter: 120 });
  expect(toRefusal(limited, form).message).toBe("Too many tries. Try again in 2 minutes.");
});

test("a cookie is found by its whole name", () => {
  const request = new Request("http://here/", { headers: { cookie: "xzone=no; zone=Europe%2FBerlin; bad=%E0" } });
  expect(readCookie(request, "zone")).toBe("Europe/Berlin");
  expect(readCookie(request, "bad")).toBe("%E0");
  expect(readCookie(request, "one")).toBeNull();
});
