/** What a service token can be allowed to do, with texts for admins. */
export const SCOPES = [
  { value: "broadcast", label: "Broadcast", text: "Send to everyone who is in a room." },
  { value: "notify", label: "Notify", text: "Send a notice to one person, who sees it later if they are away." },
  {
    value: "subscribe",
    label: "Subscribe",
    text: "Join rooms over a socket or stream and receive what is sent there.",
  },
  { value: "presence", label: "Presence", text: "See who is in a room now." },
  { value: "history", label: "History", text: "Read the history of a room." },
  { value: "changes", label: "Changes", text: "Read the whole log of its rooms, as it grows." },
  { value: "stats", label: "Statistics", text: "See how many connections there are." },
  { value: "tokens:issue", label: "Issue tokens", text: "Issue tokens that sign people in." },
] as const;
