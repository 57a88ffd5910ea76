import type { Me } from "../../../protocol/objects.ts";
import type { ApiClient } from "./api-client.ts";
import { readCookie } from "./cookie.ts";

/** The cookie of an owner who has dismissed the list. */
export const STEPS_DISMISSED = "first_steps";

/** What a new owner has done already to invite people; the channels are known without it. */
export interface FirstSteps {
  invited: boolean;
  joined: boolean;
}

/** Null: not for this person, or dismissed. When another person has joined, no invitation is needed any more. */
export async function readFirstSteps({ rest }: ApiClient, request: Request, me: Me): Promise<FirstSteps | null> {
  if (me.role !== "owner" || readCookie(request, STEPS_DISMISSED) !== null) return null;
  const [invites, people] = await Promise.all([rest.invites.list({ limit: 1 }), rest.users.list({ limit: 2 })]);
  const joined = people.data.length > 1;
  return { invited: joined || invites.data.length > 0, joined };
}
