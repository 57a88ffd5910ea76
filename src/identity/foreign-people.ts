import { randomBytes } from "node:crypto";
import { AppError } from "../platform/errors.ts";
import type { ForeignToken } from "./foreign-tokens.ts";
import { emailKey, isReserved, isUsername, nameSearchKey, usernameColumns } from "./names.ts";
import type { Parts } from "./parts.ts";
import { type ForeignRow, insertForeignUser } from "./store/users.ts";

/**
 * The person a foreign token speaks of; a row is made on first sight, with the token's name if it is free.
 * Throws `unauthenticated` when another issuer, or an account made here, already has this subject.
 */
export async function meet({ sql, living }: Pick<Parts, "sql" | "living">, token: ForeignToken): Promise<ForeignRow> {
  const { issuer, subject } = token;
  let person = await living.person(subject);
  for (const username of person ? [] : namesFor(token)) {
    const email = token.email === null ? null : emailKey(token.email);
    const columns = { ...usernameColumns(username), name_search_key: nameSearchKey(null) };
    await insertForeignUser(sql, { id: subject, issuer, email, ...columns });
    // Nothing was inserted when the name is taken, or when another request of the same person came first.
    person = await living.person(subject);
    if (person) break;
  }
  if (person?.issuer !== issuer) {
    throw new AppError("unauthenticated", "Another issuer already uses the subject of this token.");
  }
  return person;
}

/** The token's name, the subject, and last one that nobody can have taken on purpose. */
function namesFor({ username, subject }: ForeignToken): string[] {
  const random = `user-${randomBytes(10).toString("hex")}`;
  const mayHave = (name: string | null) => name !== null && isUsername(name) && !isReserved(name);
  return [...[username, subject].filter((name) => mayHave(name)), random] as string[];
}
