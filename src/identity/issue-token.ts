import { AppError } from "../platform/errors.ts";
import { emailKey } from "./names.ts";
import type { Parts } from "./parts.ts";
import { startSession } from "./sessions.ts";
import { whyShutOut } from "./store/bans.ts";
import { sessionByDevice, touchSessions } from "./store/sessions.ts";
import { lockUser, ownAccount } from "./store/users.ts";
import type { IssuedToken } from "./tokens.ts";

/**
 * An access token for a person that a service asks for. All that one service asks for is one session: it stands in the person's
 * list by the service's name, and ends there like any other. Throws `not_found`, `banned`.
 */
export async function issueToken(parts: Parts, email: string, service: string): Promise<IssuedToken> {
  const deviceName = `service ${service}`.slice(0, 100);
  const user = await ownAccount(parts.sql, { email: emailKey(email) });
  if (!user) throw new AppError("not_found", "Nobody has an account here with this e-mail address.");
  const id = await parts.transaction({ actor: deviceName }, async (tx) => {
    if (!(await lockUser(tx.sql, user.id))) throw new AppError("not_found");
    const shutOut = await whyShutOut(tx.sql, user.id);
    if (shutOut !== null) throw new AppError("banned", shutOut);
    const known = await sessionByDevice(tx.sql, user.id, deviceName);
    if (known === undefined) return (await startSession(parts, tx, user.id, ORIGIN, deviceName)).id;
    await touchSessions(tx.sql, [known], parts.config.SESSION_TTL);
    return known;
  });
  return parts.tokens.access(user, id);
}

/** Nobody's browser: the service is named as the device. */
const ORIGIN = { address: "127.0.0.1", userAgent: null };
