import { type ActionFunctionArgs, Form, Link, useActionData } from "react-router";
import { createApiClient } from "../server/api-client.ts";
import { attempt, field } from "../server/forms.ts";
import styles from "../ui/form.module.css";
import { Field, FormError, FormHead, Submit } from "../ui/form.tsx";

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, async () => {
    await createApiClient(request).rest.auth.requestPasswordReset(field(form, "email") ?? "");
    return { sent: true as const };
  });
}

export default function Reset() {
  const result = useActionData<typeof action>();
  if (result && "sent" in result) {
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
      <FormError refusal={result} />
      <Form method="post" className={styles.form}>
        <Field name="email" type="email" label="E-mail" refusal={result} required autoComplete="email" autoFocus />
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
