/** A username as it is compared: `Ann`, `ann` and fullwidth `Ａｎｎ` are one name. */
export function usernameKey(username: string): string {
  return username.normalize("NFKC").toLowerCase();
}

/** An e-mail address as it is stored and compared. */
export function emailKey(email: string): string {
  return email.trim().toLowerCase();
}
