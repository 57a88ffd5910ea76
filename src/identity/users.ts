import { type Me, PublicUser } from "../../protocol/objects.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { type Editable, refuseStale } from "../platform/http/etag.ts";
import type { Page } from "../platform/http/paging.ts";
import { emitUserChanged } from "./access-changes.ts";
import type { IdentityContext } from "./identity-context.ts";
import { nameSearchKey, toUsernameColumns } from "./names.ts";
import { refuseReserved, toTakenError } from "./register.ts";
import { toMe } from "./sessions.ts";
import * as store from "./store/users.ts";

/** The caller's own profile. */
export async function readMe({ sql }: IdentityContext, caller: UserCaller): Promise<Me> {
  const user = await store.findUser(sql, caller.userId);
  if (!user) throw new AppError("not_found");
  return toMe(user);
}

/** What `updateMe` can change, for the ETag. */
export function editableMeFields({ username, name, phone }: Pick<Me, "username" | "name" | "phone">): Editable {
  return { username, name, phone };
}

/**
 * Changes the caller's own data; omitted fields stay unchanged. Throws `username_taken`, and `changed` when `ifMatch` names another
 * state.
 */
export async function updateMe(
  { transaction, realtime }: IdentityContext,
  caller: UserCaller,
  changes: { username?: string; name?: string | null; phone?: string | null },
  ifMatch?: string,
): Promise<Me> {
  const { username, ...rest } = changes;
  const set = {
    ...rest,
    ...(username === undefined ? {} : toUsernameColumns(username)),
    ...(rest.name === undefined ? {} : { name_search_key: nameSearchKey(rest.name) }),
  };
  try {
    const user = await transaction({ actor: caller.userId }, async (tx) => {
      const old = await store.lockUser(tx.sql, caller.userId);
      if (!old) throw new AppError("not_found");
      refuseStale(ifMatch, editableMeFields(old));
      if (Object.keys(set).length === 0) return old;
      if (username !== undefined && old.role !== "owner" && set.username !== old.username) refuseReserved(username);
      if (username !== undefined) emitUserChanged(tx, old.id);
      return (await store.updateUser(tx.sql, old.id, set)) ?? old;
    });
    // The other nodes read the name when they learn of the change; here it applies before the response.
    realtime.updateUser(user.id, user);
    return toMe(user);
  } catch (error) {
    throw toTakenError(error) ?? error;
  }
}

/** Those of `ids` that exist, by id. */
export async function getUsers({ sql }: IdentityContext, ids: readonly string[]): Promise<Map<string, PublicUser>> {
  if (ids.length === 0) return new Map();
  return new Map((await store.findPublicUsers(sql, ids)).map((user) => [user.id, user]));
}

/** People by the start of their username or name, in the order of usernames. Cursors are made of the last name returned. */
export async function listUsers(
  { sql }: IdentityContext,
  query: { q?: string; limit: number; before?: string; after?: string },
): Promise<Page<PublicUser>> {
  const { q, limit, before, after } = query;
  const from =
    before !== undefined
      ? { before: decodeCursor(before) }
      : after !== undefined
        ? { after: decodeCursor(after) }
        : null;
  const rows = await store.listUsers(sql, { q: q ?? null, from, limit: limit + 1 });
  const more = rows.length > limit;
  const shown = rows.slice(0, limit);
  if (before !== undefined) shown.reverse();
  const first = shown[0]?.username_key;
  const last = shown.at(-1)?.username_key;
  return {
    data: shown.map((row) => PublicUser.parse(row)),
    next: last !== undefined && (before !== undefined || more) ? encodeCursor(last) : null,
    prev: first !== undefined && (before !== undefined ? more : after !== undefined) ? encodeCursor(first) : null,
  };
}

export function encodeCursor(key: string): string {
  return Buffer.from(key).toString("base64url");
}

export function decodeCursor(cursor: string): string {
  const key = Buffer.from(cursor, "base64url").toString();
  if (key === "" || key.includes("\0") || encodeCursor(key) !== cursor) {
    throw new AppError("invalid", "This cursor was not created here. Start again without it.");
  }
  return key;
}
