import { coversRoom, type ServiceCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { issuerOf } from "./issued-sessions.ts";
import { emailKey } from "./names.ts";
import type { Parts } from "./parts.ts";
import { startSession } from "./sessions.ts";
import { whyShutOut } from "./store/bans.ts";
import { issuedSession } from "./store/issued-sessions.ts";
import { touchSessions } from "./store/sessions.ts";
import { lockUser, ownAccount } from "./store/users.ts";
import type { IssuedToken } from "./tokens.ts";

/**
 * An access token for a person that a service asks for. All that one service asks for is one session: it stands in the person's
 * list by the service's name, and ends there like any other, with the service's token, and when the person becomes an admin or owner.
 * Only for people whom the service's patterns cover, and never for those who run this server: a back end, or an admin who makes a token for one, would be an owner by it. Throws `not_found`, `forbidden`,
 * `banned`.
 */
export async function issueToken(parts: Parts, email: string, service: ServiceCaller): Promise<IssuedToken> {
  const issuer = issuerOf(service, parts.config);
  const deviceName = `service ${service.name}`.slice(0, 100);
  const user = await ownAccount(parts.sql, { email: emailKey(email) });
  if (!user || !coversRoom(service.rooms, `user:${user.id}`))
    throw new AppError("not_found", "No person whom this token covers has this e-mail address.");
  const id = await parts.transaction({ actor: deviceName }, async (tx) => {
    const locked = await lockUser(tx.sql, user.id);
    if (!locked) throw new AppError("not_found");
    if (locked.role !== "member")
      throw new AppError("forbidden", "No token is made for admins and owners: they sign in themselves.");
    const shutOut = await whyShutOut(tx.sql, user.id);
    if (shutOut !== null) throw new AppError("banned", shutOut);
    const known = await issuedSession(tx.sql, user.id, issuer);
    if (known === undefined) return (await startSession(parts, tx, user.id, ORIGIN, deviceName, issuer)).id;
    await touchSessions(tx.sql, [known], parts.config.SESSION_TTL);
    return known;
  });
  return parts.tokens.access(user, id);
}

/** Nobody's browser: the service is named as the device. */
const ORIGIN = { address: "127.0.0.1", isLocal: false, userAgent: null };
