import { type InChannel, othersHere } from "./in-channel.ts";
import styles from "./online.module.css";
import { useValue } from "./value.ts";

/** How many members are online now, the reader among them. While he is alone there is nothing to say. */
export function Online({ here, me, direct }: { here: InChannel["here"]; me: string; direct: boolean }) {
  const others = othersHere(useValue(here), me);
  if (others === 0) return null;
  return (
    <span className={styles.online} data-online={others + 1}>
      <span className={styles.dot} aria-hidden="true" />
      {direct ? "Online" : `${others + 1} online`}
    </span>
  );
}
