import type { AuditActor } from "../../platform/audit.ts";
import { coversRoom as covers, type UserCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { hasPrivateRoom } from "../../platform/private-rooms.ts";

/** What an endpoint takes, as it is now. */
export interface EndpointPatterns {
  event_types: readonly string[];
  rooms: readonly string[];
}

/** Whether an endpoint takes what happened in a room. Asked when it happens, and again before it is sent: patterns change meanwhile. */
export function acceptsEvent({ event_types, rooms }: EndpointPatterns, type: string, room: string): boolean {
  return covers(event_types, type) && covers(rooms, room);
}

/**
 * An endpoint that gets what people say in private is an owner's: whatever sends there, or changes what is sent, where to, or how
 * it is signed, only owners do. To disable or remove one tells nobody anything, so every admin may. Throws `forbidden`.
 */
export function refuseNonOwner({ caller }: AuditActor<UserCaller>, { rooms }: Pick<EndpointPatterns, "rooms">): void {
  if (caller.role === "owner" || !hasPrivateRoom(rooms)) return;
  throw new AppError(
    "forbidden",
    "This endpoint gets what is said in channels or in people's own rooms: only an owner changes or uses it. You may disable or remove it.",
  );
}
