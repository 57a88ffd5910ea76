import type { Message, PublicUser } from "../../../protocol/objects.ts";
import type { Client } from "../../../sdk/client.ts";
import { Observable } from "./observable.ts";

/** Maximum number of ids that the server accepts in one request. */
const MAX_IDS = 100;

type Author = Pick<Message, "user_id" | "username">;
type Rest = { users: Pick<Client["rest"]["users"], "list"> };

/** The names that people chose, by id; null: none. Messages carry the username only. */
export type Names = ReadonlyMap<string, string | null>;

/** The display name of a user: the name that they chose, else their username. */
export function getDisplayName(names: Names, { user_id, username }: Author): string {
  return names.get(user_id) ?? username;
}

/** Ids of the authors, each once. */
export function getAuthorIds(messages: readonly Author[]): string[] {
  return [...new Set(messages.map(({ user_id }) => user_id))];
}

/** The display names of the authors in a conversation; reads those of new ones. */
export class DisplayNames {
  readonly names: Observable<Names>;
  readonly #missing = new Set<string>();
  #isLoading = false;

  constructor(known: readonly PublicUser[]) {
    this.names = new Observable(new Map(known.map(({ id, name }) => [id, name])));
  }

  /** While one request is running, further ids wait for the next one. Until the response the username is shown. */
  async loadMissing(rest: Rest, messages: readonly Author[]): Promise<void> {
    for (const id of getAuthorIds(messages)) if (!this.names.get().has(id)) this.#missing.add(id);
    if (this.#isLoading || this.#missing.size === 0) return;
    this.#isLoading = true;
    try {
      while (this.#missing.size > 0) {
        const ids = [...this.#missing].slice(0, MAX_IDS);
        const found = await fetchNames(rest, ids);
        for (const id of ids) this.#missing.delete(id);
        // An unknown user was deleted: not requested again.
        this.names.update((names) => new Map([...names, ...ids.map((id) => [id, null] as const), ...found]));
      }
    } catch {
      // A name is optional beside the username; the next message tries again.
    } finally {
      this.#isLoading = false;
    }
  }
}

async function fetchNames({ users }: Rest, ids: readonly string[]): Promise<[string, string | null][]> {
  const { data } = await users.list({ ids });
  return data.map(({ id, name }) => [id, name]);
}
