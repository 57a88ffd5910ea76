import { useHouse } from "./house-context.tsx";
import { type InChannel, othersHere } from "./in-channel.ts";
import styles from "./online.module.css";
import { useValue } from "./value.ts";

/** How many members are online now, the reader among them. Alone, or without a connection, there is nothing to say. */
export function Online({ here, me, direct }: { here: InChannel["here"]; me: string; direct: boolean }) {
  const { reach } = useHouse();
  const known = useValue(here);
  const others = othersHere(reach === "well" ? known : null, me);
  if (others === 0) return null;
  return (
    <span className={styles.online} data-online={others + 1}>
      <span className={styles.dot} aria-hidden="true" />
      {direct ? "Online" : `${others + 1} online`}
    </span>
  );
}
