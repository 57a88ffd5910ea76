/** A character that a reader sees: no blank, no blank letter, no control, and none that Unicode says to ignore. */
const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\u2800]/u;
/** Bidi controls show a text in another order than it is compared in; line ends and other controls split it. */
const DECEPTIVE = /[\p{Bidi_Control}\p{Cc}\u2028\u2029\ufff9-\ufffb]/u;
/** Not the joiners and selectors, which emoji and Persian end with. */
const BLANK_START = /^[\p{White_Space}\u00ad\u115f\u1160\u180e\u200b\u2060\u2800\u3164\ufeff\uffa0]+/u;
const BLANK_END =
  /(?<![\p{White_Space}\u00ad\u115f\u1160\u180e\u200b\u2060\u2800\u3164\ufeff\uffa0])[\p{White_Space}\u00ad\u115f\u1160\u180e\u200b\u2060\u2800\u3164\ufeff\uffa0]+$/u;

/** Whether a reader sees anything of a text. Joiners within it (emoji, Persian) do not change that. */
export function isVisible(text: string): boolean {
  return VISIBLE.test(text);
}

/** Whether a text could be read as another one than it is. No name may be. */
export function isDeceptive(text: string): boolean {
  return DECEPTIVE.test(text);
}

/** A name without the blanks around it, seen or not. */
export function trimBlanks(text: string): string {
  return text.replace(BLANK_START, "").replace(BLANK_END, "");
}
