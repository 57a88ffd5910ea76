import type { AuditActor } from "./audit.ts";
import type { UserCaller } from "./caller.ts";
import { AppError } from "./errors.ts";

/** Channels of people, and a person's own room. */
const PRIVATE_PREFIXES = ["channel:", "user:"];

/** Whether some private room fits one of the patterns. */
export function hasPrivateRoom(patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    PRIVATE_PREFIXES.some((kind) =>
      pattern.endsWith("*")
        ? pattern.startsWith(kind) || kind.startsWith(pattern.slice(0, -1))
        : pattern.startsWith(kind),
    ),
  );
}

/** Whether a person with this role may let a program read these rooms. */
export function canReadRooms(role: UserCaller["role"], patterns: readonly string[]): boolean {
  return role === "owner" || (role === "admin" && !hasPrivateRoom(patterns));
}

/** An admin reads no chat that they are not in, so they let no program read it for them. `field`: where they named it. Throws `forbidden`. */
export function requireRoomAccess(
  { caller }: AuditActor<UserCaller>,
  patterns: readonly string[],
  field = "rooms",
): void {
  if (canReadRooms(caller.role, patterns)) return;
  const message =
    "Only an owner can let a program read channels and personal rooms. Name other rooms, such as event:*.";
  throw new AppError("forbidden", message, { errors: [{ pointer: `/${field}`, code: "forbidden", message }] });
}
