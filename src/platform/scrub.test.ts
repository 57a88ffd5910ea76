import { expect, test } from "bun:test";
import { DatabaseError } from "pg";
import { createLogger } from "./logger.ts";
import { scrub } from "./scrub.ts";

test("a line is written without secrets and people's addresses, from every source", () => {
  const token = "A".repeat(43);
  for (const [line, clean] of [
    ["DETAIL:  Key (email)=(ann@example.org) already exists.", "DETAIL:  Key (email)=([address]) already exists."],
    [`The URL path "/reset/${token}%E0" could not be decoded`, 'The URL path "/reset/[redacted]" could not be decoded'],
    [`GET /register?invite=${token}&x=1`, "GET /register?invite=[redacted]&x=1"],
    [`token ust_12_${token} is`, "token ust_[redacted] is"],
    [`"authorization":"Bearer ${token}"`, '"authorization":"Bearer [redacted]"'],
    ["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-x_", "[redacted]"],
    ["550 <ann.b+c@mail.example.org>: unknown", "550 <[address]>: unknown"],
  ] as const)
    expect(scrub(line)).toBe(clean);
});

test("a line that says nothing of the kind stays as it is", () => {
  for (const line of ["node_modules/@hono/zod-openapi/dist/index.js:1", "bun@1.4.5", "a @ b", "/reset", "token: none"])
    expect(scrub(line)).toBe(line);
});

test("of an error of the database or a mail server the row and the address stay out of the log", () => {
  const lines: string[] = [];
  const logger = createLogger({ LOG_LEVEL: "info", LOG_FORMAT: "json" }, { write: (line) => void lines.push(line) });
  const broken = new DatabaseError("duplicate key value violates unique constraint", 1, "error");
  Object.assign(broken, { code: "23505", constraint: "users_phone", detail: "Key (phone)=(+49 30 123456) exists" });
  logger.error({ err: broken }, "failed");
  const unsent = Object.assign(new Error("refused"), { envelope: { to: ["Ann Example"] }, response: "Ann Example" });
  logger.error({ err: unsent }, "failed");
  expect(JSON.parse(lines[0]!).err).toMatchObject({ code: "23505", constraint: "users_phone", type: "DatabaseError" });
  expect(lines.join("")).not.toContain("123456");
  expect(lines.join("")).not.toContain("Ann Example");
});
