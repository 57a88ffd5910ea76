import { randomBytes } from "node:crypto";
import { AppError } from "../platform/errors.ts";
import type { ForeignToken } from "./foreign-tokens.ts";
import type { IdentityContext } from "./identity-context.ts";
import { emailKey, isReserved, isUsername, nameSearchKey, toUsernameColumns } from "./names.ts";
import { insertForeignUser, type SubjectRow } from "./store/users.ts";

/**
 * The person of a foreign token; the first token of a person creates their row, with the token's name if it is free.
 * Throws `unauthenticated` when another issuer, or an account made here, already has this subject.
 */
export async function provisionUser(
  { sql, sessionCache }: Pick<IdentityContext, "sql" | "sessionCache">,
  token: ForeignToken,
): Promise<SubjectRow> {
  const { issuer, subject } = token;
  let user = await sessionCache.user(subject);
  for (const username of user ? [] : listCandidateNames(token)) {
    const email = token.email === null ? null : emailKey(token.email);
    const columns = { ...toUsernameColumns(username), name_search_key: nameSearchKey(null) };
    await insertForeignUser(sql, { id: subject, issuer, email, ...columns });
    // Nothing is inserted when the name is taken, or when another request of the same person came first.
    user = await sessionCache.user(subject);
    if (user) break;
  }
  if (user?.issuer !== issuer) {
    throw new AppError("unauthenticated", "Another issuer already uses the subject of this token.");
  }
  return user;
}

/** The token's name, the subject, and last one that no one can have taken on purpose. */
function listCandidateNames({ username, subject }: ForeignToken): string[] {
  const random = `user-${randomBytes(10).toString("hex")}`;
  const isAllowed = (name: string | null) => name !== null && isUsername(name) && !isReserved(name);
  return [...[username, subject].filter((name) => isAllowed(name)), random] as string[];
}
