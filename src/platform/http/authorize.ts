import type { Context } from "hono";
import type { Caller } from "../caller.ts";
import { AppError } from "../errors.ts";
import type { Scope } from "../scopes.ts";
import type { ApiEnv } from "./api.ts";

/**
 * Who may call a route. `user`: any signed-in user; `admin`: an admin or the owner of this server; a scope: the service
 * tokens that have it, and with `orUser` any signed-in user besides. No role of a person replaces a scope.
 */
export type Auth = UserAuth | "public" | { scope: Scope; orUser?: true };
type UserAuth = "user" | "admin" | "owner";

const ROLES: Record<UserAuth, readonly string[]> = {
  user: ["member", "admin", "owner"],
  admin: ["admin", "owner"],
  owner: ["owner"],
};

/** The check of a route's `auth`: 401 without credentials, 403 when they are not of the right kind, role or scope. */
export function authorize(auth: Auth): (c: Context<ApiEnv>) => void {
  if (auth === "public") return () => {};
  return (c) => {
    const caller = c.get("caller");
    if (caller.kind === "anonymous") throw c.get("refusal") ?? new AppError("unauthenticated");
    const reason = getDenialReason(auth, caller);
    if (reason !== null) throw new AppError("forbidden", reason);
  };
}

/** Why the caller may not; null: they may. */
function getDenialReason(auth: Exclude<Auth, "public">, caller: Exclude<Caller, { kind: "anonymous" }>): string | null {
  if (typeof auth === "string") {
    if (caller.kind === "service") return "This is for people. A service token cannot do it.";
    return ROLES[auth].includes(caller.role) ? null : "Your role on this server does not allow this.";
  }
  if (caller.kind === "user")
    return auth.orUser ? null : `This is for services: use a token with the scope ${auth.scope}.`;
  return caller.scopes.includes(auth.scope) ? null : `This token does not have the scope ${auth.scope}.`;
}
