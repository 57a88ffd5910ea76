import type { Role } from "../config/values.ts";

/** Whether a node with these roles does that part of the work. */
export function hasRole({ ROLES }: { ROLES: readonly string[] }, role: Exclude<Role, "all">): boolean {
  return ROLES.includes("all") || ROLES.includes(role);
}
