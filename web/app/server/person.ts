import type { PublicUser } from "../../../protocol/objects.ts";
import { UsherError } from "../../../sdk/errors.ts";
import type { Rest } from "../../../sdk/rest.ts";

/** The person with exactly this username, in any case; null: no one. */
export async function findPerson(rest: Rest, username: string): Promise<PublicUser | null> {
  const key = (name: string) => name.normalize("NFKC").toLowerCase();
  const { data } = await rest.users.list({ q: username, limit: 20 });
  return data.find((person) => key(person.username) === key(username)) ?? null;
}

/** The same for the field `username` of a form, which gets the error when there is no such person. */
export async function findPersonForForm(rest: Rest, username: string): Promise<PublicUser> {
  const person = username === "" ? null : await findPerson(rest, username);
  if (person) return person;
  const message = "No one here has this username.";
  const errors = [{ pointer: "/username", code: "not_found", message }];
  throw new UsherError("invalid", message, { retry: false, status: 422, errors });
}
