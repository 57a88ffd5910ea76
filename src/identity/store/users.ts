import type { Role } from "../../../protocol/objects.ts";
import type { ISql } from "../../platform/postgres/sql.ts";
import { escapeLike, searchKey } from "../../platform/search-key.ts";
import { isBanned } from "./bans.ts";

export interface UserRow {
  id: string;
  username: string;
  name: string | null;
  email: string | null;
  phone: string | null;
  role: Role;
  password_hash: string | null;
  created_at: Date;
}

/** The columns derived from a person's names; see names.ts. */
interface NameKeys {
  username_key: string;
  search_key: string;
  name_search_key: string;
  skeleton: string;
}

const columns = (db: ISql) => db`id, username, name, email, phone, role, password_hash, created_at`;

/** The key of the lock under which the first account is created: only one transaction at a time may find that there is none. */
const OWNER_LOCK = "usher:owner";

export async function ownerExists(db: ISql): Promise<boolean> {
  const [row] = await db<{ found: boolean }[]>`SELECT EXISTS (SELECT FROM users WHERE role = 'owner') AS found`;
  return row!.found;
}

export async function otherOwnerExists(db: ISql, id: string): Promise<boolean> {
  const rows = await db`SELECT FROM users WHERE role = 'owner' AND disabled_at IS NULL AND id <> ${id} LIMIT 1`;
  return rows.length > 0;
}

/** Locks until the end of the transaction. */
export async function lockOwner(db: ISql): Promise<void> {
  await db`SELECT pg_advisory_xact_lock(hashtextextended(${OWNER_LOCK}, 0))`;
}

/**
 * Undefined when the address, the name or its look is taken (see `findTakenConstraint`). A violated constraint would make the
 * database write the address into its log.
 */
export async function insertUser(db: ISql, user: Omit<UserRow, "created_at"> & NameKeys): Promise<UserRow | undefined> {
  const [row] = await db<UserRow[]>`
    INSERT INTO users ${db.row(user)} ON CONFLICT DO NOTHING RETURNING ${columns(db)}`;
  return row;
}

/** The constraint that a new account would break; null: none. */
export async function findTakenConstraint(
  db: ISql,
  { email, username_key, skeleton }: Pick<UserRow, "email"> & NameKeys,
): Promise<string | null> {
  const [row] = await db<{ email: boolean; username: boolean; look: boolean }[]>`
    SELECT EXISTS (SELECT FROM users WHERE issuer IS NULL AND email = ${email}) AS email,
      EXISTS (SELECT FROM users WHERE username_key = ${username_key}) AS username,
      EXISTS (SELECT FROM users WHERE skeleton = ${skeleton}) AS look`;
  if (row!.email) return "users_email";
  if (row!.username) return "users_username";
  return row!.look ? "users_skeleton" : null;
}

/** False when the id or the name is taken. */
export async function insertForeignUser(
  db: ISql,
  user: { id: string; issuer: string; username: string; email: string | null } & NameKeys,
): Promise<boolean> {
  const rows = await db`INSERT INTO users ${db.row(user)} ON CONFLICT DO NOTHING RETURNING id`;
  return rows.length > 0;
}

export interface SubjectRow {
  id: string;
  /** Null: an account made here has this id. */
  issuer: string | null;
  username: string;
  role: Role;
  banned: boolean;
}

/** Users with one of these ids, of any issuer. */
export async function findUsersBySubject(db: ISql, ids: readonly string[]): Promise<SubjectRow[]> {
  return db<SubjectRow[]>`
    SELECT u.id, u.issuer, u.username, u.role, ${isBanned(db)} AS banned FROM users u
    WHERE u.id = ANY(${[...ids]}) AND u.erased_at IS NULL`;
}

export async function findUser(db: ISql, id: string): Promise<UserRow | undefined> {
  const [row] = await db<UserRow[]>`SELECT ${columns(db)} FROM users WHERE id = ${id} AND erased_at IS NULL`;
  return row;
}

/** Locked until the end of the transaction: what ends a person's sessions and what starts one follow each other. */
export async function lockUser(db: ISql, id: string): Promise<UserRow | undefined> {
  const [row] = await db<UserRow[]>`
    SELECT ${columns(db)} FROM users WHERE id = ${id} AND erased_at IS NULL FOR NO KEY UPDATE`;
  return row;
}

/** Accounts created here only: no one signs in here with another issuer's name. */
export async function findLocalAccount(
  db: ISql,
  by: { email: string } | { username_key: string },
): Promise<UserRow | undefined> {
  const match = "email" in by ? db`email = ${by.email}` : db`username_key = ${by.username_key}`;
  const [row] = await db<
    UserRow[]
  >`SELECT ${columns(db)} FROM users WHERE issuer IS NULL AND erased_at IS NULL AND ${match}`;
  return row;
}

/** Violates `users_username` or `users_skeleton` when the name or its look is taken. Undefined when the person does not exist. */
export async function updateUser(
  db: ISql,
  id: string,
  changes: { username?: string; name?: string | null; phone?: string | null } & Partial<NameKeys>,
): Promise<UserRow | undefined> {
  const [row] = await db<UserRow[]>`
    UPDATE users SET ${db.set(changes)} WHERE id = ${id} AND erased_at IS NULL RETURNING ${columns(db)}`;
  return row;
}

/**
 * Removes all data of a person from the row; the id stays, since messages and bans refer to it. The address and the name are
 * free again afterwards; no account can be created with the name that replaces them.
 */
export async function blankUser(db: ISql, id: string): Promise<void> {
  await db`
    UPDATE users SET username = 'deleted:' || id, username_key = 'deleted:' || id, name = NULL,
      search_key = NULL, name_search_key = NULL, skeleton = NULL, email = NULL, phone = NULL,
      password_hash = NULL, role = 'member', erased_at = clock_timestamp()
    WHERE id = ${id} AND erased_at IS NULL`;
}

export async function setPassword(db: ISql, id: string, hash: string): Promise<void> {
  await db`UPDATE users SET password_hash = ${hash} WHERE id = ${id} AND erased_at IS NULL`;
}

interface PublicRow {
  id: string;
  username: string;
  name: string | null;
}

/** Includes erased people, under the name that erasure gave them: their messages remain. */
export async function findPublicUsers(db: ISql, ids: readonly string[]): Promise<PublicRow[]> {
  return db<PublicRow[]>`SELECT id, username, name FROM users WHERE id = ANY(${[...ids]})`;
}

/**
 * Whether a person's username or name is like a text, by their keys; without keys yet, in any case.
 *
 * @param before a LIKE pattern of what may precede it
 */
export function matchesName(db: ISql, q: string, before: "" | "%") {
  const key = `${before}${escapeLike(searchKey(q))}%`;
  const plain = `${before}${escapeLike(q.normalize("NFKC").toLowerCase())}%`;
  return db`(search_key LIKE ${key} OR name_search_key LIKE ${key}
    OR (search_key IS NULL AND (username_key LIKE ${plain} OR lower(name) LIKE ${plain})))`;
}

/**
 * People in the order of their names, whose username or name begins with `q`.
 *
 * @param from start after (`after`) or end before (`before`) this username_key; the nearest to it come first
 */
export async function listUsers(
  db: ISql,
  query: { q: string | null; from: { after: string } | { before: string } | null; limit: number },
): Promise<(PublicRow & { username_key: string })[]> {
  const { q, from, limit } = query;
  return db`
    SELECT id, username, name, username_key FROM users
    WHERE erased_at IS NULL
    ${q === null ? db`` : db`AND ${matchesName(db, q, "")}`}
    ${from === null ? db`` : "before" in from ? db`AND username_key < ${from.before}` : db`AND username_key > ${from.after}`}
    ORDER BY username_key ${from !== null && "before" in from ? db`DESC` : db`ASC`}
    LIMIT ${limit}`;
}
