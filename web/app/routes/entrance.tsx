import { Outlet } from "react-router";
import styles from "./entrance.module.css";

/** The frame of the pages before the door: set-up, register, sign in, reset. */
export default function Entrance() {
  return (
    <div className={styles.page}>
      <header className={styles.mark}>
        <img src="/favicon.svg" alt="" width="36" height="36" />
        <span>Usher</span>
      </header>
      <main className={styles.card}>
        <Outlet />
      </main>
    </div>
  );
}
