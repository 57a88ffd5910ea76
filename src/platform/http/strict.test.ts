import { expect, test } from "bun:test";
import { z } from "zod";
import { strict } from "./strict.ts";

test("an object at the top refuses unknown fields", () => {
  const schema = strict(z.object({ a: z.string().optional() }), "POST /x: body");
  expect(schema.safeParse({ a: "1" }).success).toBe(true);
  expect(schema.safeParse({ b: "1" }).success).toBe(false);
});

test("a loose object further inside stops the start, however deep it is, and its path is named", () => {
  const loose = z.object({ deep: z.string() });
  const hidden: Record<string, z.ZodType> = {
    a: z.object({ a: loose }),
    "a[]": z.object({ a: z.array(loose) }),
    "a.b": z.object({ a: z.strictObject({ b: loose.nullable().optional().default(null) }) }),
    "a[].c": z.object({ a: z.array(z.union([z.string(), z.strictObject({ c: loose })])) }),
    d: z.object({ d: loose.transform(({ deep }) => deep) }),
  };
  for (const [path, schema] of Object.entries(hidden))
    expect(() => strict(schema, "POST /x: body")).toThrow(`POST /x: body.${path} lets unknown fields through`);
});
