import { Form } from "react-router";
import type { Refusal } from "../server/forms.ts";
import styles from "../ui/form.module.css";
import { Field, PasswordField, Submit } from "../ui/form.tsx";

/** The fields of a new account, as the set-up page and the registration page show them. */
export function RegisterForm({
  refusal,
  invite = null,
  setupCode = false,
  children,
}: {
  refusal?: Refusal;
  /** The initial value of the field for the invitation code; null: there is no such field. */
  invite?: string | null;
  /** Whether there is a field for the set-up code. */
  setupCode?: boolean;
  children: string;
}) {
  return (
    <Form method="post" className={styles.form}>
      {invite !== null && (
        <Field
          name="invite_code"
          label="Invitation code"
          description="Ask the person who runs this server for one."
          defaultValue={invite}
          refusal={refusal}
          required
          autoComplete="off"
        />
      )}
      {setupCode && (
        <Field
          name="setup_code"
          label="Set-up code"
          description="The server writes it to its log when it starts."
          refusal={refusal}
          required
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
        />
      )}
      <Field
        name="username"
        label="Username"
        description="Your name on this server: letters, digits and _ . -"
        refusal={refusal}
        required
        minLength={2}
        maxLength={32}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
      />
      <Field name="email" type="email" label="E-mail" refusal={refusal} required autoComplete="email" />
      <PasswordField
        name="password"
        label="Password"
        description="At least 8 characters."
        refusal={refusal}
        required
        minLength={8}
        autoComplete="new-password"
      />
      <Submit fullWidth mt="xs">
        {children}
      </Submit>
    </Form>
  );
}
