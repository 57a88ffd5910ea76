const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\u2800]+/gu;
const BLANKS = /\p{White_Space}+/gu;
/** Accents of Latin, Greek and Cyrillic. The marks of other scripts are vowels and tones: without them it is another word. */
const ACCENTS = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+/g;

/**
 * A text as it is looked for: what people type for a name and mean the same by. Case, width, ligatures, accents, and how a letter
 * is composed do not count (İbrahim, ibrahim; ΓΙΩΡΓΟΣ, Γιώργος; Ｔａｒｏ, taro; José, jose; ﬁona, fiona). Both what is stored and what is searched for go
 * through it; made here and not in SQL, so that every PostgreSQL finds the same.
 */
export function searchKey(text: string): string {
  return foldCase(text.normalize("NFKD").replace(ACCENTS, "")).normalize("NFC");
}

/** A name as it is compared with others: two that differ by case, width or blanks, seen or not, are one. Accents count. */
export function nameKey(text: string): string {
  return foldCase(text.normalize("NFKC"));
}

/** Upper case first: it takes apart ß, and final and other sigmas become one. */
function foldCase(text: string): string {
  const shown = text.replace(IGNORABLE, "").replace(BLANKS, " ").trim();
  return shown.toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

/** A key in a pattern of LIKE, taken literally. */
export function escapeLike(key: string): string {
  return key.replace(/[\\%_]/g, "\\$&");
}
