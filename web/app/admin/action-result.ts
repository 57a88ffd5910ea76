import { useActionData } from "react-router";
import type { Refusal } from "../server/forms.ts";
import type { ActionResult } from "../server/run-action.ts";

/** What came of the form that was sent last from this page. */
export function useActionResult(): ActionResult | undefined {
  return useActionData() as ActionResult | undefined;
}

/** The refusal of one form: of the one with this intent, for the thing with this id. */
export function getRefusal(outcome: ActionResult | undefined, intent: string, id = ""): Refusal | undefined {
  return outcome?.intent === intent && outcome.id === id ? (outcome.refusal ?? undefined) : undefined;
}

/** A key for a form: another one once it was done, so that it comes back empty and closed. */
export function formKey(outcome: ActionResult | undefined, intent: string, id = ""): string {
  const done = outcome?.intent === intent && outcome.id === id && outcome.done !== null;
  return done ? `${intent} ${id} ${outcome.at}` : `${intent} ${id}`;
}
