import { type FieldError, invalidFields } from "../errors.ts";
import { escapePointerPart, type InputLocation, pointerPrefix } from "./validation-error.ts";

/** Refuses values with a NUL character anywhere: PostgreSQL cannot hold one in a text, and no field of ours means one. */
export function refuseNul(location: InputLocation, value: unknown): void {
  const errors = [...findNuls(value, pointerPrefix(location))];
  if (errors.length > 0) throw invalidFields(errors);
}

function* findNuls(value: unknown, pointer: string): Generator<FieldError> {
  if (typeof value === "string") {
    if (value.includes("\0")) yield { pointer, code: "nul", message: "must not contain a NUL character" };
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      const at = pointer + escapePointerPart(key);
      if (key.includes("\0")) yield { pointer: at, code: "nul", message: "must not have a NUL character in its name" };
      yield* findNuls(inner, at);
    }
  }
}
