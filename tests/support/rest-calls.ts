import { expect } from "bun:test";
import type { z } from "zod";

/** The same object, with the name of every call that succeeds, such as `channels.create`, written into `succeeded`. */
export function recordCalls<T extends object>(calls: T, succeeded: Set<string>, prefix = ""): T {
  const entries = Object.entries(calls).map(([name, value]: [string, unknown]) => {
    if (typeof value !== "function") return [name, recordCalls(value as object, succeeded, `${prefix}${name}.`)];
    const call = async (...args: unknown[]) => {
      const result: unknown = await value(...args);
      succeeded.add(prefix + name);
      return result;
    };
    return [name, call];
  });
  return Object.fromEntries(entries);
}

/** The names of all calls. */
export function listCallNames(calls: object, prefix = ""): string[] {
  return Object.entries(calls).flatMap(([name, value]: [string, unknown]) =>
    typeof value === "function" ? [prefix + name] : listCallNames(value as object, `${prefix}${name}.`),
  );
}

type Mutual<A, B> = [A] extends [B] ? ([B] extends [A] ? unknown : never) : never;

/**
 * The response of a call, when it is what the server's own schema says, without extra fields. That the type of the call is the
 * schema's, each fitting the other, is checked by the compiler: where it is not, `call` has the type never.
 */
export async function expectSchema<S extends z.ZodType, T>(
  schema: S,
  call: Promise<T> & Mutual<T, z.infer<S>>,
): Promise<T> {
  const result = await call;
  expect(schema.parse(result)).toEqual(result as z.infer<S>);
  return result;
}

export async function expectEmpty(call: Promise<void>): Promise<void> {
  expect(await call).toBeUndefined();
}
