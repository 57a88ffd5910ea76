import { data } from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import { lookUp } from "../look-up.ts";

/** The errors of a form when the API refused: a sentence for the form, sentences for its fields, and what was typed. */
export interface Refusal {
  message: string | null;
  fields: Record<string, string>;
  /** Of a field with several values, such as checkboxes: one value on each line. */
  typed: Record<string, string>;
}

/** Codes that concern one field although the API names none. */
const FIELD_BY_CODE: Record<string, string> = {
  email_taken: "email",
  username_taken: "username",
  name_taken: "name",
  invite_needed: "invite_code",
  setup_code_needed: "setup_code",
};

/** Runs an action; an error of the API becomes the form's errors, with its status. Passwords are not sent back. */
export async function attempt<T>(form: FormData, run: () => Promise<T>) {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    return data<Refusal>(toRefusal(error, form), { status: error.status ?? 503 });
  }
}

export function toRefusal(error: UsherError, form: FormData): Refusal {
  const fields: Record<string, string> = {};
  for (const { pointer, message } of error.errors) {
    const name = pointer.replace(/^\//, "").split("/")[0];
    if (name && form.has(name)) fields[name] ??= toSentence(message);
  }
  const field = lookUp(FIELD_BY_CODE, error.code);
  if (field && form.has(field)) fields[field] ??= error.message;
  const typed: Record<string, string> = {};
  // In one pass: a look-up for each name would read the whole form each time.
  const texts = Map.groupBy(
    [...form].filter(([, value]) => typeof value === "string"),
    ([name]) => name,
  );
  for (const [name, entries] of texts)
    if (!name.includes("password")) typed[name] = entries.map(([, value]) => value).join("\n");
  const wait = error.retryAfter === null ? "" : ` Try again in ${formatWait(error.retryAfter)}.`;
  return { message: Object.keys(fields).length > 0 ? null : error.message + wait, fields, typed };
}

/** The text of a field; undefined when it is missing or blank, so that it is left out of the request. */
export function field(form: FormData, name: string): string | undefined {
  const value = form.get(name);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

/** The text of a field as it was typed (passwords, messages); empty when it is missing. */
export function raw(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}

/** A message of the API as a sentence, with a capital letter and a full stop. */
export function toSentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

function formatWait(seconds: number): string {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} seconds` : `${Math.round(seconds / 60)} minutes`;
}
