import { type ActionFunctionArgs, Form, Link, useActionData } from "react-router";
import { createApiClient } from "../server/api-client.ts";
import { attempt, raw } from "../server/forms.ts";
import { redirect } from "../server/redirect.ts";
import styles from "../ui/form.module.css";
import { FormError, FormHead, PasswordField, Submit } from "../ui/form.tsx";

export async function action({ request, params }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, async () => {
    await createApiClient(request).rest.auth.resetPassword(params.token ?? "", raw(form, "password"));
    return redirect("/login?reset");
  });
}

export default function ResetToken() {
  const refusal = useActionData<typeof action>();
  return (
    <>
      <FormHead title="Set a new password">This signs you out on all devices.</FormHead>
      <FormError refusal={refusal} />
      <Form method="post" className={styles.form}>
        <PasswordField
          name="password"
          label="New password"
          description="At least 8 characters."
          refusal={refusal}
          required
          minLength={8}
          autoComplete="new-password"
          autoFocus
        />
        <Submit fullWidth mt="xs">
          Set password
        </Submit>
      </Form>
      <div className={styles.below}>
        <Link to="/reset">Ask for a new link</Link>
      </div>
    </>
  );
}
