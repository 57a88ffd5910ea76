import { data } from "react-router";
import type { Rest } from "../../../sdk/rest.ts";
import { createApiClient } from "./api-client.ts";
import { attempt, type Refusal, raw } from "./forms.ts";

/** The result of a form of an admin page: which form it was (`intent`, and `id` of the object), and what to show there. */
export interface ActionResult {
  intent: string;
  id: string;
  refusal: Refusal | null;
  /** A sentence; null when it was refused. */
  done: string | null;
  /** Shown this once. */
  secret: string | null;
  /** Unix ms; differs for each request. */
  at: number;
}

export interface ActionContext {
  rest: Rest;
  form: FormData;
  intent: string;
  id: string;
}

/** What was done, as a sentence, and the secret that was created. */
export type ActionDone = string | { done: string; secret: string };

/** An action of an admin page: runs the handler that the form's `intent` names. */
export async function runAction(
  request: Request,
  handlers: Readonly<Record<string, (context: ActionContext) => Promise<ActionDone>>>,
) {
  const form = await request.formData();
  const { rest } = createApiClient(request);
  const intent = raw(form, "intent");
  const id = raw(form, "id");
  const handler = Object.hasOwn(handlers, intent) ? handlers[intent] : undefined;
  if (!handler) throw data(null, { status: 400 });
  const base = { intent, id, refusal: null, done: null, secret: null, at: Date.now() };
  const outcome = await attempt(form, () => handler({ rest, form, intent, id }));
  if (typeof outcome === "string") return data<ActionResult>({ ...base, done: outcome });
  if ("done" in outcome) return data<ActionResult>({ ...base, ...outcome });
  return data<ActionResult>({ ...base, refusal: outcome.data }, outcome.init ?? undefined);
}
