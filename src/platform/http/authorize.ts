import type { Context } from "hono";
import type { Caller } from "../caller.ts";
import { AppError } from "../errors.ts";
import type { Scope } from "../scopes.ts";
import type { ApiEnv } from "./api.ts";

/**
 * Who may call a route. `user`: anybody who is signed in; `admin`: an admin or the owner of this server; a scope: the service
 * tokens that have it, and with `orUser` whoever is signed in besides. No role of a person stands for a scope.
 */
export type Auth = PersonAuth | "public" | { scope: Scope; orUser?: true };
type PersonAuth = "user" | "admin" | "owner";

const ROLES: Record<PersonAuth, readonly string[]> = {
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
    const refusal = refuse(auth, caller);
    if (refusal !== null) throw new AppError("forbidden", refusal);
  };
}

/** Why not; null: he may. */
function refuse(auth: Exclude<Auth, "public">, caller: Exclude<Caller, { kind: "anonymous" }>): string | null {
  if (typeof auth === "string") {
    if (caller.kind === "service") return "This is for people. A service token cannot do it.";
    return ROLES[auth].includes(caller.role) ? null : "Your role on this server does not allow this.";
  }
  if (caller.kind === "user")
    return auth.orUser ? null : `This is for services: use a token with the scope ${auth.scope}.`;
  return caller.scopes.includes(auth.scope) ? null : `This token does not have the scope ${auth.scope}.`;
}
