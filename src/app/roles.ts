import type { Config, Role } from "../config/options.ts";

/** Whether this node does that part of the work. */
export function hasRole({ ROLES }: Pick<Config, "ROLES">, role: Exclude<Role, "all">): boolean {
  return ROLES.includes("all") || ROLES.includes(role);
}
