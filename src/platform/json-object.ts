import { compactJson, countMembers, findDuplicateName } from "./json-text.ts";

/** A JSON object from outside: `text` as they wrote it, but for white space between its parts; `value` as it was parsed. */
export interface JsonObject {
  text: string;
  value: Record<string, unknown>;
}

/** Reads an object within the bounds of `checkJsonBounds`; anything else returns a sentence that continues after the field's name. */
export function parseJsonObject(text: string): JsonObject | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Reported below.
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return 'must be a JSON object, such as {"seats":["A1"]}';
  const object = value as Record<string, unknown>;
  // Most clients write compact JSON: comparing is faster than reading the text once more.
  if (JSON.stringify(object) === text) return { text, value: object };
  const { text: compact, members } = compactJson(text);
  if (members === countMembers(object)) return { text: compact, value: object };
  return `has ${JSON.stringify(findDuplicateName(compact))} twice in one object: readers would not agree on its value`;
}

/** The object whose members are these. */
export function toJsonObject(value: object): JsonObject {
  return { text: JSON.stringify(value), value: value as Record<string, unknown> };
}
