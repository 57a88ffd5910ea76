/** What a service token may be allowed to do, in words for who ticks the boxes. */
export const SCOPES = [
  { value: "broadcast", label: "Broadcast", text: "Send to everybody who is in a room." },
  { value: "notify", label: "Notify", text: "Tell one person something, also later if he is away." },
  { value: "subscribe", label: "Subscribe", text: "Be in rooms with a socket or stream and hear what happens." },
  { value: "presence", label: "Presence", text: "See who is in a room now." },
  { value: "history", label: "History", text: "Read what was in a room." },
  { value: "changes", label: "Changes", text: "Read the whole log of its rooms, as it grows." },
  { value: "stats", label: "Statistics", text: "See how many connections there are." },
  { value: "tokens:issue", label: "Issue tokens", text: "Sign people in: have tokens made in their name." },
] as const;
