import type { Context } from "hono";
import { AppError } from "../errors.ts";
import type { ApiEnv } from "./api.ts";

/** Who may call a route. `user`: anybody who is signed in; `admin`: an admin or the owner of this server. */
export type Auth = "public" | "user" | "admin" | "owner";

const ROLES: Record<Exclude<Auth, "public">, readonly string[]> = {
  user: ["member", "admin", "owner"],
  admin: ["admin", "owner"],
  owner: ["owner"],
};

/** The check of a route's `auth`: 401 without a person, 403 when the role on this server is too low. */
export function authorize(auth: Auth): (c: Context<ApiEnv>) => void {
  if (auth === "public") return () => {};
  const roles = ROLES[auth];
  return (c) => {
    const caller = c.get("caller");
    if (caller.kind !== "user") throw c.get("refusal") ?? new AppError("unauthenticated");
    if (!roles.includes(caller.role)) throw new AppError("forbidden");
  };
}
