import { z } from "zod";
import { isDeceptive, isVisible, trimBlanks } from "./visible.ts";

/**
 * Text from others. Its length is checked first: the checks chained after it (a pattern, a normal form, a loop over the characters) do
 * not run for a longer text. PostgreSQL cannot store a NUL.
 *
 * @param max Unicode code points
 */
export const text = (max: number) =>
  z
    .string()
    .max(max, { error: `at most ${max} characters`, abort: true })
    .refine((value) => !value.includes("\0"), "must not contain a NUL character");

/** Text of one form, such as an id. `description` names the form in the error. */
export const patternText = (max: number, pattern: RegExp, description: string) =>
  z.string().max(max, { error: description, abort: true }).regex(pattern, description);

/** Text with visible content, such as a message: it is stored as it was typed. */
export const content = (max: number) => text(max).refine(isVisible, "must not be empty");

/** A line of text, or none: without blanks around it, and without characters that make it look like another one. */
export const lineText = (max: number) =>
  text(max)
    .overwrite(trimBlanks)
    .refine((value) => !isDeceptive(value), "must have no line ends and no characters that change its direction");

/** A line that names something. */
export const nameText = (max: number) => lineText(max).refine(isVisible, "must not be empty");
