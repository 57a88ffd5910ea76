import { UsherError } from "../../../sdk/errors.ts";
import type { ResetLink, Rest } from "../../../sdk/rest.ts";
import type { Hub } from "./hub.ts";

/** What the page of the owner and the admins shows. */
export async function readAdmin({ rest }: Hub) {
  const [meta, invites, resets, bans] = await Promise.all([
    rest.meta(),
    rest.invites.list({ limit: 100 }),
    readResetLinks(rest),
    rest.bans.list({ limit: 100 }),
  ]);
  return { registration: meta.registration, invites: invites.data, resets, bans: bans.data };
}

/** Null for who is not the owner: a link is the account it belongs to. */
async function readResetLinks(rest: Rest): Promise<ResetLink[] | null> {
  try {
    return (await rest.resetLinks()).data;
  } catch (error) {
    if (error instanceof UsherError && error.code === "forbidden") return null;
    throw error;
  }
}
