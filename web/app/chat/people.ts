import type { Message, PublicUser } from "../../../protocol/objects.ts";
import type { Client } from "../../../sdk/client.ts";
import { Value } from "./value.ts";

/** Most ids that the server takes in one question. */
const MOST = 100;

type Author = Pick<Message, "user_id" | "username">;
type Rest = { users: Pick<Client["rest"]["users"], "list"> };

/** The names that people chose, by id; null: none. Messages carry the username only. */
export type Names = ReadonlyMap<string, string | null>;

/** How somebody is called: by the name that he chose, else by his username. */
export function nameOf(names: Names, { user_id, username }: Author): string {
  return names.get(user_id) ?? username;
}

/** Ids of those who wrote, each once. */
export function authorsOf(messages: readonly Author[]): string[] {
  return [...new Set(messages.map(({ user_id }) => user_id))];
}

/** Knows the names of those who write in a conversation, and asks for those of newcomers. */
export class People {
  readonly names: Value<Names>;
  readonly #wanted = new Set<string>();
  #asking = false;

  constructor(known: readonly PublicUser[]) {
    this.names = new Value(new Map(known.map(({ id, name }) => [id, name])));
  }

  /** While one question is on its way, those who come gather for the next. Until the answer the username is shown. */
  async meet(rest: Rest, messages: readonly Author[]): Promise<void> {
    for (const id of authorsOf(messages)) if (!this.names.get().has(id)) this.#wanted.add(id);
    if (this.#asking || this.#wanted.size === 0) return;
    this.#asking = true;
    try {
      while (this.#wanted.size > 0) {
        const ids = [...this.#wanted].slice(0, MOST);
        const found = await readPeople(rest, ids);
        for (const id of ids) this.#wanted.delete(id);
        // Who is not found was deleted: not asked for again.
        this.names.change((names) => new Map([...names, ...ids.map((id) => [id, null] as const), ...found]));
      }
    } catch {
      // A name is an ornament to the username; the next message asks again.
    } finally {
      this.#asking = false;
    }
  }
}

async function readPeople({ users }: Rest, ids: readonly string[]): Promise<[string, string | null][]> {
  const { data } = await users.list({ ids });
  return data.map(({ id, name }) => [id, name]);
}
