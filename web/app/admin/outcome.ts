import { useActionData } from "react-router";
import type { Outcome } from "../server/act.ts";
import type { Refusal } from "../server/forms.ts";

/** What came of the form that was sent last from this page. */
export function useOutcome(): Outcome | undefined {
  return useActionData() as Outcome | undefined;
}

/** The refusal of one form: of the one with this intent, for the thing with this id. */
export function refusalOf(outcome: Outcome | undefined, intent: string, id = ""): Refusal | undefined {
  return outcome?.intent === intent && outcome.id === id ? (outcome.refusal ?? undefined) : undefined;
}

/** A key for a form: another one once it was done, so that it comes back empty and closed. */
export function formKey(outcome: Outcome | undefined, intent: string, id = ""): string {
  const done = outcome?.intent === intent && outcome.id === id && outcome.done !== null;
  return done ? `${intent} ${id} ${outcome.at}` : `${intent} ${id}`;
}
