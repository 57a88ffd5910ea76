import { Outlet } from "react-router";
import styles from "./auth-layout.module.css";

/** The layout of the pages before signing in: set-up, register, sign in, reset. */
export default function AuthLayout() {
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
