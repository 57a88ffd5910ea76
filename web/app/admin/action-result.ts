import { useActionData } from "react-router";
import type { Refusal } from "../server/forms.ts";
import type { ActionResult } from "../server/run-action.ts";

/** The result of the form that was sent last from this page. */
export function useActionResult(): ActionResult | undefined {
  return useActionData() as ActionResult | undefined;
}

/** The error of one form: of the one with this intent, for the object with this id. */
export function getRefusal(outcome: ActionResult | undefined, intent: string, id = ""): Refusal | undefined {
  return outcome?.intent === intent && outcome.id === id ? (outcome.refusal ?? undefined) : undefined;
}

/** A key for a form: it changes after success, so that the form is shown empty and closed again. */
export function formKey(outcome: ActionResult | undefined, intent: string, id = ""): string {
  const done = outcome?.intent === intent && outcome.id === id && outcome.done !== null;
  return done ? `${intent} ${id} ${outcome.at}` : `${intent} ${id}`;
}
