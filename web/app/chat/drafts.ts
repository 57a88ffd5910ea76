/**
 * Unsent text, per person and place (a channel, or a message that is being changed), in this browser. Storage may be full or
 * forbidden: then a draft lives as long as its page.
 */

const key = (userId: string, place: string) => `usher:draft:${userId}:${place}`;

/** The draft of a place; empty when there is none. */
export function readDraft(userId: string, place: string): string {
  try {
    return localStorage.getItem(key(userId, place)) ?? "";
  } catch {
    return "";
  }
}

/** Stores a draft; an empty text removes it. */
export function saveDraft(userId: string, place: string, text: string): void {
  try {
    if (text === "") localStorage.removeItem(key(userId, place));
    else localStorage.setItem(key(userId, place), text);
  } catch {
    // See above.
  }
}

/** Removes a draft that was sent or discarded. */
export function removeDraft(userId: string, place: string): void {
  saveDraft(userId, place, "");
}
