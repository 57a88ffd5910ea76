import { type ActionFunctionArgs, Form, Link, useActionData } from "react-router";
import styles from "../look/form.module.css";
import { Field, FormError, FormHead, Submit } from "../look/form.tsx";
import { attempt, field } from "../server/forms.ts";
import { hubFor } from "../server/hub.ts";

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, async () => {
    await hubFor(request).rest.auth.requestPasswordReset(field(form, "email") ?? "");
    return { sent: true as const };
  });
}

export default function Reset() {
  const answer = useActionData<typeof action>();
  if (answer && "sent" in answer) {
    return (
      <>
        <FormHead title="Check your e-mail">
          If an account has this address, a link to set a new password is on its way. If this server sends no mail, ask
          its owner for the link.
        </FormHead>
        <div className={styles.below}>
          <Link to="/login">Back to sign in</Link>
        </div>
      </>
    );
  }
  return (
    <>
      <FormHead title="Forgot your password?">We will send you a link to set a new one.</FormHead>
      <FormError refusal={answer} />
      <Form method="post" className={styles.form}>
        <Field name="email" type="email" label="E-mail" refusal={answer} required autoComplete="email" autoFocus />
        <Submit fullWidth mt="xs">
          Send the link
        </Submit>
      </Form>
      <div className={styles.below}>
        <Link to="/login">Back to sign in</Link>
      </div>
    </>
  );
}
