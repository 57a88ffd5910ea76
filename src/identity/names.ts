import unhomoglyph from "unhomoglyph";
import { Username } from "../../protocol/objects.ts";
import { searchKey } from "../platform/search-key.ts";

/** Whether a text is a username, in whatever normal form. */
export function isUsername(text: string): boolean {
  return Username.safeParse(text).success;
}

/** A username as it is stored. */
function normalizeUsername(username: string): string {
  return username.normalize("NFKC");
}

/** A username as it is compared: `Ann`, `ann` and fullwidth `Ａｎｎ` are one name. */
export function usernameKey(username: string): string {
  return normalizeUsername(username).toLowerCase();
}

/**
 * A username as it looks, by the table of look-alikes of UTS #39: `pаypal` with a Cyrillic `а`, and `paypa1`, look like `paypal`.
 * Case does not count: Latin capitals are made small before (`Ian` is not `lan`), those of other scripts become Latin first.
 */
export function skeleton(username: string): string {
  const name = normalizeUsername(username).replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return unhomoglyph(unhomoglyph(name.normalize("NFD")).toLowerCase()).normalize("NFD");
}

/** The columns of a name: as it is shown, compared, searched for, and as it looks. */
export function toUsernameColumns(username: string) {
  return {
    username: normalizeUsername(username),
    username_key: usernameKey(username),
    search_key: searchKey(username),
    skeleton: skeleton(username),
  };
}

/** The search key of a display name. Empty when there is none; null means that it has not been created yet. */
export function nameSearchKey(name: string | null): string {
  return name === null ? "" : searchKey(name);
}

/** An e-mail address as it is stored and compared. */
export function emailKey(email: string): string {
  return email.trim().toLowerCase();
}

/** Names that speak for the server, or for all users, with any look-alikes of these letters. */
const RESERVED = new Set(
  [
    ..."admin administrator anonymous bot everyone everybody all here channel me moderator mod".split(" "),
    ..."null operator owner root security service staff support system team undefined usher webhook".split(" "),
  ].map(skeleton),
);

/** Whether only the first account of the server may have this name. */
export function isReserved(username: string): boolean {
  return RESERVED.has(skeleton(username));
}
