/**
 * Unsent text, per person and target (a channel, or a message that is being edited), in this browser. Storage may be full or
 * forbidden: then a draft lasts as long as its page.
 */

const key = (userId: string, target: string) => `usher:draft:${userId}:${target}`;

/** The draft for a target; empty when there is none. */
export function readDraft(userId: string, target: string): string {
  try {
    return localStorage.getItem(key(userId, target)) ?? "";
  } catch {
    return "";
  }
}

/** Stores a draft; an empty text removes it. */
export function saveDraft(userId: string, target: string, text: string): void {
  try {
    if (text === "") localStorage.removeItem(key(userId, target));
    else localStorage.setItem(key(userId, target), text);
  } catch {
    // See above.
  }
}

/** Removes a draft that was sent or discarded. */
export function removeDraft(userId: string, target: string): void {
  saveDraft(userId, target, "");
}
