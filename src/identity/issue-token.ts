import { coversRoom, type ServiceCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { IdentityContext } from "./identity-context.ts";
import { getIssuer } from "./issued-sessions.ts";
import { emailKey } from "./names.ts";
import { startSession } from "./sessions.ts";
import { findBanReason } from "./store/bans.ts";
import { findIssuedSession } from "./store/issued-sessions.ts";
import { touchSessions } from "./store/sessions.ts";
import { findLocalAccount, lockUser } from "./store/users.ts";
import type { IssuedToken } from "./tokens.ts";

/**
 * Issues an access token for a person to a service. All tokens of one service are one session: it is in the person's list by the
 * service's name, and ends like any other, with the service's token, and when the person becomes an admin or owner. Only for people
 * whom the service's patterns cover, and never for admins and owners: a back end, or an admin who creates a token for one, would be
 * an owner by it. Throws `not_found`, `forbidden`, `banned`.
 */
export async function issueToken(
  context: IdentityContext,
  email: string,
  service: ServiceCaller,
): Promise<IssuedToken> {
  const issuer = getIssuer(service, context.config);
  const deviceName = `service ${service.name}`.slice(0, 100);
  const user = await findLocalAccount(context.sql, { email: emailKey(email) });
  if (!user || !coversRoom(service.rooms, `user:${user.id}`))
    throw new AppError("not_found", "No person whom this token covers has this e-mail address.");
  const id = await context.transaction({ actor: deviceName }, async (tx) => {
    const locked = await lockUser(tx.sql, user.id);
    if (!locked) throw new AppError("not_found");
    if (locked.role !== "member")
      throw new AppError("forbidden", "No token is made for admins and owners: they sign in themselves.");
    const banReason = await findBanReason(tx.sql, user.id);
    if (banReason !== null) throw new AppError("banned", banReason);
    const known = await findIssuedSession(tx.sql, user.id, issuer);
    if (known === undefined) return (await startSession(context, tx, user.id, SERVICE_CLIENT, deviceName, issuer)).id;
    await touchSessions(tx.sql, [known], context.config.SESSION_TTL);
    return known;
  });
  return context.tokens.issueAccess(user, id);
}

/** There is no browser: the service's name is the device. */
const SERVICE_CLIENT = { address: "127.0.0.1", isLocal: false, userAgent: null };
