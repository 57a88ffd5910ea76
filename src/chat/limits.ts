/** Maximum of everything that can grow in chat. */
export const LIMITS = {
  /** Members of a channel. */
  members: 20_000,
  /** Channels of a person, direct chats included. A guard, not an invariant: racing joins may pass it by a few. */
  channelsPerUser: 1_000,
  /** Members given when a channel is created. */
  initialMembers: 100,
  /** Edits of a message: each rewrites the log rows of those before it. */
  edits: 100,
} as const;
