import { Alert, Button, type ButtonProps, PasswordInput, TextInput } from "@mantine/core";
import { type ComponentProps, type ReactNode, useEffect, useRef, useState } from "react";
import { useNavigation } from "react-router";
import type { Refusal } from "../server/forms.ts";
import { CharactersLeft } from "./characters-left.tsx";
import styles from "./form.module.css";

/** Title and lead of a page that is mainly a form. */
export function FormHead({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.head}>
      <title>{`${title} · Usher`}</title>
      <h1>{title}</h1>
      {children && <p>{children}</p>}
    </div>
  );
}

/** The sentence that concerns the form as a whole. Spoken at once by screen readers. */
export function FormError({ refusal }: { refusal: Refusal | undefined }) {
  if (!refusal?.message) return null;
  return (
    <Alert color="curtain" variant="light" role="alert" className={styles.error}>
      {refusal.message}
    </Alert>
  );
}

interface FieldProps extends ComponentProps<typeof TextInput> {
  name: string;
  refusal?: Refusal;
}

/**
 * A text field that keeps what was typed when the form is shown again, and shows its own error. `maxLength` is displayed,
 * not enforced: a browser would silently cut off pasted text.
 */
export function Field({ refusal, defaultValue, maxLength, onChange, ...props }: FieldProps) {
  const start = refusal?.typed[props.name] ?? defaultValue;
  const [length, setLength] = useState(String(start ?? "").length);
  const box = useRef<HTMLInputElement>(null);
  // The user may have typed before the scripts were loaded.
  useEffect(() => setLength(box.current?.value.length ?? 0), []);
  return (
    <div>
      <TextInput
        {...props}
        ref={box}
        dir="auto"
        defaultValue={start}
        error={refusal?.fields[props.name]}
        onChange={(event) => {
          setLength(event.currentTarget.value.length);
          onChange?.(event);
        }}
      />
      {maxLength !== undefined && <CharactersLeft length={length} max={maxLength} />}
    </div>
  );
}

interface PasswordProps extends ComponentProps<typeof PasswordInput> {
  name: string;
  refusal?: Refusal;
}

export function PasswordField({ refusal, ...props }: PasswordProps) {
  return (
    <PasswordInput
      {...props}
      error={refusal?.fields[props.name]}
      visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
    />
  );
}

interface SubmitProps extends ButtonProps {
  /** Which form of the page it is, where there are several. */
  intent?: string;
  /** Destructive: red. */
  danger?: boolean;
  children: ReactNode;
}

/** Mantine's own red is too pale for its text. */
const DANGER = {
  "--button-bg": "var(--wrong)",
  "--button-hover": "color-mix(in srgb, var(--wrong) 88%, var(--ink))",
  "--button-color": "var(--on-accent)",
};

/** A submit button that shows the pending state of its form. */
export function Submit({ children, intent, danger, ...props }: SubmitProps) {
  const { state, formData } = useNavigation();
  const mine = intent === undefined || formData?.get("intent") === intent;
  return (
    <Button
      type="submit"
      name={intent && "intent"}
      value={intent}
      style={danger ? DANGER : undefined}
      loading={state !== "idle" && formData !== undefined && mine}
      {...props}
    >
      {children}
    </Button>
  );
}
