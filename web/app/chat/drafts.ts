/** Unsent text, per person and channel, in this browser. Storage may be full or forbidden: then a draft lives as long as its page. */

const key = (userId: string, channelId: string) => `usher:draft:${userId}:${channelId}`;

export function readDraft(userId: string, channelId: string): string {
  try {
    return localStorage.getItem(key(userId, channelId)) ?? "";
  } catch {
    return "";
  }
}

export function keepDraft(userId: string, channelId: string, text: string): void {
  try {
    if (text === "") localStorage.removeItem(key(userId, channelId));
    else localStorage.setItem(key(userId, channelId), text);
  } catch {
    // See above.
  }
}

export function forgetDraft(userId: string, channelId: string): void {
  keepDraft(userId, channelId, "");
}
