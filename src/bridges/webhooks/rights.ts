import type { AuditActor } from "../../platform/audit.ts";
import { coversRoom as covers, type UserCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { hasPrivateRoom } from "../../platform/private-rooms.ts";

/** What an endpoint accepts at present. */
export interface EndpointPatterns {
  event_types: readonly string[];
  rooms: readonly string[];
}

/** Whether an endpoint accepts a log entry of this type and room. Checked when it is recorded, and again before it is sent: patterns can change meanwhile. */
export function acceptsEntry({ event_types, rooms }: EndpointPatterns, type: string, room: string): boolean {
  return covers(event_types, type) && covers(rooms, room);
}

/**
 * An endpoint that receives private messages belongs to the owners: only they may send to it, or change what is sent, where to, or
 * how it is signed. Disabling or removing one discloses nothing, so every admin may. Throws `forbidden`.
 */
export function refuseNonOwner({ caller }: AuditActor<UserCaller>, { rooms }: Pick<EndpointPatterns, "rooms">): void {
  if (caller.role === "owner" || !hasPrivateRoom(rooms)) return;
  throw new AppError(
    "forbidden",
    "This endpoint receives the messages of channels or of people's own rooms: only an owner changes or uses it. You may disable or remove it.",
  );
}
