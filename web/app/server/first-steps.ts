import type { Me } from "../../../protocol/objects.ts";
import type { ApiClient } from "./api-client.ts";
import { readCookie } from "./cookie.ts";

/** The cookie of an owner who does not want to see the list any more. */
export const STEPS_DISMISSED = "first_steps";

/** What a new owner has done already to bring people in; the channels are known without it. */
export interface FirstSteps {
  invited: boolean;
  joined: boolean;
}

/** Null: not for this person, or dismissed. Who has company needed an invitation or did without one. */
export async function readFirstSteps({ rest }: ApiClient, request: Request, me: Me): Promise<FirstSteps | null> {
  if (me.role !== "owner" || readCookie(request, STEPS_DISMISSED) !== null) return null;
  const [invites, people] = await Promise.all([rest.invites.list({ limit: 1 }), rest.users.list({ limit: 2 })]);
  const joined = people.data.length > 1;
  return { invited: joined || invites.data.length > 0, joined };
}
