import Check from "lucide-react/icons/check";
import Circle from "lucide-react/icons/circle";
import X from "lucide-react/icons/x";
import { Form, Link, useLocation } from "react-router";
import { useChannels } from "../chat/chat-context.tsx";
import type { FirstSteps as Steps } from "../server/first-steps.ts";
import styles from "./first-steps.module.css";

/** The first steps of a new owner; hidden when all are done or dismissed. */
export function FirstSteps({ steps }: { steps: Steps }) {
  const { pathname, search } = useLocation();
  const hasChannel = useChannels().some(({ type }) => type !== "direct");
  const list = [
    { label: "Create the first channel", to: "/channels/new", done: hasChannel },
    { label: "Create an invitation", to: "/admin/invitations", done: steps.invited },
    { label: "Welcome the first person", to: "/admin/people", done: steps.joined },
  ];
  if (list.every(({ done }) => done)) return null;
  return (
    <section className={styles.steps} aria-labelledby="first-steps">
      <div className={styles.head}>
        <h2 id="first-steps">Getting started</h2>
        <Form method="post" action="/first-steps/dismiss" preventScrollReset>
          <input type="hidden" name="to" value={pathname + search} />
          <button type="submit" aria-label="Dismiss this list" title="Dismiss this list">
            <X size={16} aria-hidden="true" />
          </button>
        </Form>
      </div>
      <ol>
        {list.map(({ label, to, done }) => (
          <li key={to} data-done={done || undefined}>
            {done ? <Check size={16} aria-hidden="true" /> : <Circle size={16} aria-hidden="true" />}
            {done ? (
              <span>
                {label}
                <span className="visually-hidden"> (done)</span>
              </span>
            ) : (
              <Link to={to}>{label}</Link>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
