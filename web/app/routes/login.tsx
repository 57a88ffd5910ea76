import {
  type ActionFunctionArgs,
  Form,
  Link,
  type LoaderFunctionArgs,
  useActionData,
  useLoaderData,
} from "react-router";
import { lookUp } from "../look-up.ts";
import { load } from "../server/api-client.ts";
import { readCookie } from "../server/cookie.ts";
import { attempt } from "../server/forms.ts";
import { redirect } from "../server/redirect.ts";
import { signIn } from "../server/sign-in.ts";
import styles from "../ui/form.module.css";
import { Field, FormError, FormHead, PasswordField, Submit } from "../ui/form.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const meta = await load(request, ({ rest }) => rest.meta());
  if (!meta.set_up) throw redirect("/setup");
  const { search, searchParams } = new URL(request.url);
  return {
    registration: meta.registration,
    search,
    ended: searchParams.get("ended"),
    reset: searchParams.has("reset"),
    // The signed-in pages set this cookie in the browser.
    returning: readCookie(request, "zone") !== null,
  };
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, () => signIn(request, form));
}

/** Why the visitor is here although they were signed in, by the query's `ended`. */
const ENDED: Record<string, string> = {
  signed_out: "You have been signed out.",
  banned: "This account has been banned.",
};

export default function Login() {
  const { registration, search, ended, reset, returning } = useLoaderData<typeof loader>();
  const refusal = useActionData<typeof action>();
  const greeting = returning ? "Welcome back." : null;
  return (
    <>
      <FormHead title="Sign in">
        {reset ? "Your new password is set." : (lookUp(ENDED, ended ?? "") ?? greeting)}
      </FormHead>
      <FormError refusal={refusal} />
      <Form method="post" className={styles.form}>
        <Field
          name="who"
          label="E-mail or username"
          refusal={refusal}
          required
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
        />
        <PasswordField name="password" label="Password" refusal={refusal} required autoComplete="current-password" />
        <Submit fullWidth mt="xs">
          Sign in
        </Submit>
      </Form>
      <div className={styles.below}>
        {registration !== "closed" && <Link to={`/register${search}`}>Create an account</Link>}
        <Link to="/reset">Forgot your password?</Link>
      </div>
    </>
  );
}
