import type { By } from "./audit.ts";
import type { UserCaller } from "./caller.ts";
import { AppError } from "./errors.ts";

/** Where people talk among themselves, and what is one person's own. */
const PRIVATE = ["channel:", "user:"];

/** Whether some private room fits one of the patterns. */
export function reachPrivate(patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    PRIVATE.some((kind) =>
      pattern.endsWith("*")
        ? pattern.startsWith(kind) || kind.startsWith(pattern.slice(0, -1))
        : pattern.startsWith(kind),
    ),
  );
}

/** Whether a person with this role may let a program read these rooms. */
export function mayReach(role: UserCaller["role"], patterns: readonly string[]): boolean {
  return role === "owner" || (role === "admin" && !reachPrivate(patterns));
}

/** An admin reads no chat that he is not in, so he lets no program read it for him. `field`: where he named it. Throws `forbidden`. */
export function refusePrivate({ caller }: By<UserCaller>, patterns: readonly string[], field = "rooms"): void {
  if (mayReach(caller.role, patterns)) return;
  const message =
    "Only an owner can let a program read channels and personal rooms. Name other rooms, such as event:*.";
  throw new AppError("forbidden", message, { errors: [{ pointer: `/${field}`, code: "forbidden", message }] });
}
