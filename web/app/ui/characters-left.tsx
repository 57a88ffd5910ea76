import styles from "./characters-left.module.css";

/** Characters before the limit from which the count is shown: the last tenth, at most these. */
const SHOW_BELOW = 500;

/** Whether a text of this length comes near what is allowed, or beyond. */
function isNearLimit(length: number, max: number): boolean {
  return max - length <= Math.min(SHOW_BELOW, max / 10);
}

/** How much may still be written, near the limit; beyond it, what to do. Nothing is cut off. */
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
