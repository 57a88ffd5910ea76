import { expect, test } from "bun:test";
import { AppError } from "./errors.ts";
import { createPasswords, DUMMY_HASH } from "./password.ts";

const parameters = (hash: string) => hash.split("$").slice(0, 4).join("$");

test("a password is argon2id, salted, and matches whatever way its characters were typed", async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash("pässwörd Ａ");
  expect(parameters(hash)).toBe("$argon2id$v=19$m=19456,t=2,p=1");
  expect(await passwords.hash("pässwörd Ａ")).not.toBe(hash);
  expect(await passwords.verify("pa\u0308sswo\u0308rd A", hash)).toBeTrue();
  expect(await passwords.verify("passwörd A", hash)).toBeFalse();
});

test("the dummy hash costs what a real one costs, and nothing matches it", async () => {
  const passwords = createPasswords();
  expect(parameters(DUMMY_HASH)).toBe(parameters(await passwords.hash("x")));
  expect(await passwords.verify("not the password of any user", DUMMY_HASH)).toBeTrue();
  expect(await passwords.verify("not the password of any user", null)).toBeFalse();
});

test("what is beyond those that run and those that wait is refused, and the slots come free again", async () => {
  const passwords = createPasswords(2, 3);
  for (let round = 0; round < 2; round++) {
    const outcomes = await Promise.allSettled(Array.from({ length: 7 }, () => passwords.hash("x")));
    const refused = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(refused).toHaveLength(2);
    for (const error of refused) {
      expect(error).toBeInstanceOf(AppError);
      expect(error).toMatchObject({ code: "unavailable", extra: { retry_after: 5 } });
    }
  }
});
