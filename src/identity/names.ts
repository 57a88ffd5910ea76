import { Username } from "../../protocol/objects.ts";

/** A username as it is kept. Some single letters of Unicode become several, even with blanks (U+FDFA): see `isUsername`. */
export function normalUsername(username: string): string {
  return username.normalize("NFKC");
}

/** Whether a text is a username in the form in which it would be kept. */
export function isUsername(text: string): boolean {
  return Username.safeParse(normalUsername(text)).success;
}

/** A username as it is compared: `Ann`, `ann` and fullwidth `Ａｎｎ` are one name. */
export function usernameKey(username: string): string {
  return normalUsername(username).toLowerCase();
}

/** An e-mail address as it is stored and compared. */
export function emailKey(email: string): string {
  return email.trim().toLowerCase();
}
