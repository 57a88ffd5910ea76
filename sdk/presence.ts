import type { FramePayload, PresentMember } from "../protocol/frames.ts";

/** Who is in a room now. */
export interface RoomPresence {
  count: number;
  /** Null: so many that only the count is known. */
  members: readonly PresentMember[] | null;
}

/** Who joined and who left with the last frame. */
export interface PresenceChange {
  joined: readonly PresentMember[];
  left: readonly PresentMember[];
}

export type PresenceFrame = {
  [T in "room:presence" | "room:member_joined" | "room:member_left"]: { type: T; payload: FramePayload<T> };
}["room:presence" | "room:member_joined" | "room:member_left"];

const NO_MEMBERS: readonly PresentMember[] = [];

export function isPresenceFrame(frame: { type: string }): frame is PresenceFrame {
  return ["room:presence", "room:member_joined", "room:member_left"].includes(frame.type);
}

/** The presence of the room after a frame, and what it changed; null: a whole list or a count replaced all. */
export function applyPresenceFrame(
  before: RoomPresence | null,
  { type, payload }: PresenceFrame,
): [RoomPresence, PresenceChange | null] {
  const { count } = payload;
  if (type === "room:presence") return [{ count, members: payload.members ?? null }, null];
  const named = new Set(payload.members.map(({ user_id }) => user_id));
  const others = (before?.members ?? NO_MEMBERS).filter(({ user_id }) => !named.has(user_id));
  if (type === "room:member_left")
    return [
      { count, members: others },
      { joined: NO_MEMBERS, left: payload.members },
    ];
  return [
    { count, members: [...others, ...payload.members] },
    { joined: payload.members, left: NO_MEMBERS },
  ];
}
