import { type ReactNode, useEffect, useRef } from "react";
import { Form, Link, useSearchParams } from "react-router";
import { CopyButton } from "../ui/copy-button.tsx";
import { FormError, Submit } from "../ui/form.tsx";
import { Menu } from "../ui/menu.tsx";
import { formKey, getRefusal, useActionResult } from "./action-result.ts";
import styles from "./admin.module.css";

/** What was just done, also for screen readers; the element is there before the text is. */
export function ActionStatus() {
  const outcome = useActionResult();
  return (
    <p role="status" className={styles.status}>
      {outcome?.done}
    </p>
  );
}

interface ConfirmProps {
  /** On the button that opens it. */
  label: string;
  /** The same with the name of the object, for screen readers. */
  name: string;
  intent: string;
  id: string;
  /** On the button that submits. */
  submitLabel: string;
  /** Destructive: red. */
  danger?: boolean;
  /** What will happen, and fields where there are some. */
  children: ReactNode;
}

/** A button that asks for confirmation. Works without scripts; `useDismiss` closes it. */
export function Confirm({ label, name, intent, id, submitLabel, danger, children }: ConfirmProps) {
  const outcome = useActionResult();
  const refusal = getRefusal(outcome, intent, id);
  return (
    <details
      key={formKey(outcome, intent, id)}
      name="confirm"
      className={styles.confirm}
      data-dismiss
      data-danger={danger || undefined}
      open={refusal ? true : undefined}
    >
      <summary aria-label={name}>{label}</summary>
      <Form method="post" preventScrollReset className={styles.confirmPanel}>
        <FormError refusal={refusal} />
        <input type="hidden" name="id" value={id} />
        {children}
        <div>
          <Submit intent={intent} size="compact-md" danger={danger}>
            {submitLabel}
          </Submit>
        </div>
      </Form>
    </details>
  );
}

interface ActionButtonProps {
  intent: string;
  id: string;
  label: string;
  name: string;
  danger?: boolean;
}

/** A button that acts without confirmation. */
export function ActionButton({ intent, id, label, name, danger }: ActionButtonProps) {
  const refusal = getRefusal(useActionResult(), intent, id);
  return (
    <Form method="post" preventScrollReset>
      <FormError refusal={refusal} />
      <input type="hidden" name="id" value={id} />
      <button
        type="submit"
        name="intent"
        value={intent}
        aria-label={name}
        className={styles.tool}
        data-danger={danger || undefined}
      >
        {label}
      </button>
    </Form>
  );
}

interface ActionMenuProps {
  /** Its label, with the name of the object: "Manage bo". */
  label: string;
  id: string;
  /** Of the forms in it. */
  intents: readonly string[];
  children: ReactNode;
}

/** The further actions of a row. Closed after a success, open after an error. */
export function ActionMenu({ label, id, intents, children }: ActionMenuProps) {
  const outcome = useActionResult();
  const intent = outcome?.id === id ? intents.find((each) => each === outcome.intent) : undefined;
  const refused = intent !== undefined && outcome?.refusal !== null;
  return (
    <Menu key={intent && formKey(outcome, intent, id)} label={label} open={refused}>
      {children}
    </Menu>
  );
}

/** A form that is collapsed where other content comes first. */
export function Collapsible({ title, open, children }: { title: string; open: boolean; children: ReactNode }) {
  return (
    <details className={styles.collapsible} open={open || undefined}>
      <summary>{title}</summary>
      <div className={styles.collapsibleBody}>{children}</div>
    </details>
  );
}

/** A secret that is shown only once, with a button that copies it. Pass the secret as the `key`. */
export function Secret({ title, secret, children }: { title: string; secret: string; children?: ReactNode }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <section ref={box} tabIndex={-1} aria-label={title} className={styles.secret}>
      <h3>{title}</h3>
      <p>Copy it now. It is not stored and cannot be shown again.</p>
      <p className={styles.secretRow}>
        <code>{secret}</code>
        <CopyButton text={secret} name={`Copy: ${title}`} className={styles.tool} />
      </p>
      {children}
    </section>
  );
}

/** Links to the next page of a list and back to its start. */
export function Pager({ next, nextLabel }: { next: string | null; nextLabel: string }) {
  const [query] = useSearchParams();
  const to = (after: string | null) => {
    const target = new URLSearchParams(query);
    target.delete("after");
    if (after !== null) target.set("after", after);
    return `?${target}`;
  };
  if (next === null && !query.has("after")) return null;
  return (
    <nav aria-label="Pages" className={styles.pager}>
      {query.has("after") && <Link to={to(null)}>Back to the start</Link>}
      {next !== null && <Link to={to(next)}>{nextLabel}</Link>}
    </nav>
  );
}

/** Says that the data is out of date. The element is always there, so that nothing moves. */
export function StaleNotice({ isStale }: { isStale: boolean }) {
  return (
    <p role="status" className={styles.stale}>
      {isStale ? "The server does not respond. These figures are not up to date." : ""}
    </p>
  );
}
