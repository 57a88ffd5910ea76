import fc from "fast-check";
import type { ApiDocument, JsonSchema, Operation } from "./documented.ts";

/** A request to one operation, good or bad in any way. */
export interface FuzzRequest {
  /** Method and path, as in `post /api/v1/channels`. */
  operation: string;
  params: Record<string, string>;
  query: [string, string][];
  body: { type: string | null; text: string } | null;
  headers: Record<string, string>;
  who: "owner" | "member" | "service" | "anonymous";
}

const HOSTILE = [
  "",
  " ",
  "0",
  "-1",
  "9223372036854775807",
  "9223372036854775808",
  "99999999999999999999",
  "1e999",
  "null",
  "me",
  "a\0b",
  "\ud800",
  "'; DROP TABLE users; --",
  "<script>alert(1)</script>",
  "{{7*7}}",
  "../../etc/passwd",
  "\u202e\u0000\uffff",
  "1\u0301".repeat(50),
  "x".repeat(3_000), // longer ones make a request line that Bun itself refuses (431)
  "2026-02-30T25:61:61Z",
];

const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));

/** Requests to the operations of the document. `ids` are ids that exist, so that good requests get somewhere. */
export function requests(document: ApiDocument, ids: readonly string[]): fc.Arbitrary<FuzzRequest> {
  return fc.constantFrom(...document.operations).chain((operation) => {
    const named = (place: string) => (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    const known = ids.length === 0 ? text : fc.constantFrom(...ids);
    const pathValue = fc.oneof({ weight: 3, arbitrary: known }, { weight: 1, arbitrary: text }).map(segment);
    const params = fc.record(Object.fromEntries(named("path").map(({ name }) => [name, pathValue])));
    const query = named("query").map(({ name, schema }) =>
      fc.option(fc.tuple(fc.constant(name), fc.oneof(valid(document, schema, known).map(String), text))),
    );
    const unknown = fc.option(fc.tuple(fc.constantFrom("unknown", "__proto__", "limit", "after"), text), { freq: 10 });
    return fc.record({
      operation: fc.constant(`${operation.method} ${operation.path}`),
      params,
      query: fc.tuple(...query, unknown).map((pairs) => pairs.filter((pair) => pair !== null)),
      body: operation.method === "get" ? fc.constant(null) : body(document, operation, known),
      headers: fc.oneof(
        { weight: 8, arbitrary: fc.constant({}) },
        {
          weight: 1,
          arbitrary: fc.constantFrom("k1", "k2", "", "x".repeat(300)).map((key) => ({ "idempotency-key": key })),
        },
        {
          weight: 1,
          arbitrary: fc
            .constantFrom("*", '"x"', 'W/"x", "y"', "x", "", "x".repeat(1_100))
            .map((tag) => ({ "if-match": tag })),
        },
        { weight: 1, arbitrary: fc.constant({ origin: "https://evil.example", cookie: "usher_session=abc" }) },
      ),
      who: fc.constantFrom("owner" as const, "member" as const, "service" as const, "anonymous" as const),
    });
  });
}

function body(
  document: ApiDocument,
  operation: Operation,
  known: fc.Arbitrary<string>,
): fc.Arbitrary<FuzzRequest["body"]> {
  const json = "application/json";
  const schema = operation.requestBody?.content[json]?.schema;
  const good = schema === undefined ? fc.constant({}) : valid(document, schema, known);
  const asJson = (value: unknown) => ({ type: json, text: JSON.stringify(value) ?? "" });
  return fc.oneof(
    { weight: 6, arbitrary: good.map(asJson) },
    { weight: 4, arbitrary: fc.tuple(good, fc.jsonValue(), text, fc.nat()).map((parts) => asJson(spoiled(...parts))) },
    { weight: 1, arbitrary: fc.jsonValue().map(asJson) },
    { weight: 1, arbitrary: text.map((value) => ({ type: json, text: value })) },
    { weight: 1, arbitrary: text.map((value) => ({ type: "text/plain", text: value })) },
    { weight: 1, arbitrary: fc.constant(null) },
  );
}

/** A good body with one thing wrong: another value, a hostile text, a missing or an extra field. */
function spoiled(good: unknown, other: unknown, hostile: string, choice: number): unknown {
  if (typeof good !== "object" || good === null || Array.isArray(good)) return other;
  const keys = Object.keys(good);
  const key = keys[choice % Math.max(1, keys.length)] ?? "field";
  if (choice % 4 === 0) return { ...good, [key]: other };
  if (choice % 4 === 1) return { ...good, [key]: hostile };
  if (choice % 4 === 2) return { ...good, [`${key}_`]: other };
  return Object.fromEntries(Object.entries(good).filter(([name]) => name !== key));
}

/** Values that fit a JSON Schema, as far as it defines them; `known` ids are used where a text has a pattern. */
function valid(document: ApiDocument, schema: JsonSchema, known: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  const inner = (part: unknown) => valid(document, part as JsonSchema, known);
  if (typeof schema.$ref === "string") {
    const components = document.resolve({}).$defs as Record<string, JsonSchema>;
    return inner(components[schema.$ref.split("/").at(-1) ?? ""] ?? {});
  }
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if (Array.isArray(schema.anyOf)) return fc.oneof(...schema.anyOf.map(inner));
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  return fc.oneof(...types.map((type) => ofType(document, String(type), schema, known)));
}

function ofType(
  document: ApiDocument,
  type: string,
  schema: JsonSchema,
  known: fc.Arbitrary<string>,
): fc.Arbitrary<unknown> {
  const inner = (part: unknown) => valid(document, part as JsonSchema, known);
  const number = (name: string, fallback: number) => (typeof schema[name] === "number" ? schema[name] : fallback);
  if (type === "object") {
    const fields: Record<string, fc.Arbitrary<unknown>> = {};
    for (const [key, part] of Object.entries((schema.properties ?? {}) as JsonSchema)) fields[key] = inner(part);
    return fc.record(fields, { requiredKeys: (schema.required ?? []) as string[] });
  }
  if (type === "array") return fc.array(inner(schema.items ?? {}), { maxLength: 5 });
  if (type === "integer" || type === "number") {
    return fc.integer({ min: number("minimum", -1_000), max: Math.min(number("maximum", 1_000_000), 2 ** 31 - 1) });
  }
  if (type === "boolean") return fc.boolean();
  if (type === "null") return fc.constant(null);
  if (schema.format === "email") return fc.integer({ max: 9, min: 0 }).map((n) => `person${n}@example.org`);
  if (schema.format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  const word = fc.string({ minLength: number("minLength", 1), maxLength: Math.min(number("maxLength", 40), 40) });
  return typeof schema.pattern === "string" ? fc.oneof(known, word) : fc.oneof(word, word, text);
}

/** One segment of a path: what a URL would fold away (nothing, dots) is replaced. */
function segment(value: string): string {
  const whole = value.toWellFormed();
  return /^\.*$/.test(whole) ? "x" : whole;
}
