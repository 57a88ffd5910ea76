import styles from "./characters-left.module.css";

/** The count is shown for the last tenth before the limit, at most for so many characters. */
const SHOW_BELOW = 500;

/** Whether a text of this length is near the limit, or beyond it. */
function isNearLimit(length: number, max: number): boolean {
  return max - length <= Math.min(SHOW_BELOW, max / 10);
}

/** The number of characters left, near the limit; beyond it, what to do. No text is cut off. */
export function CharactersLeft({ length, max, id }: { length: number; max: number; id?: string }) {
  if (!isNearLimit(length, max)) return null;
  const left = max - length;
  if (left >= 0)
    return (
      <p id={id} className={styles.left}>
        {left === 1 ? "1 character left" : `${left.toLocaleString("en")} characters left`}
      </p>
    );
  return (
    <p id={id} className={styles.over} role="alert">
      {-left === 1 ? "1 character" : `${(-left).toLocaleString("en")} characters`} too long: at most{" "}
      {max.toLocaleString("en")} are allowed. Shorten the text; nothing is lost.
    </p>
  );
}
