import { type ActionFunctionArgs, Link, type LoaderFunctionArgs, useActionData, useLoaderData } from "react-router";
import { load } from "../server/api-client.ts";
import { attempt } from "../server/forms.ts";
import { redirect } from "../server/redirect.ts";
import { register } from "../server/sign-in.ts";
import styles from "../ui/form.module.css";
import { FormError, FormHead } from "../ui/form.tsx";
import { RegisterForm } from "./register-form.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const meta = await load(request, ({ rest }) => rest.meta());
  if (!meta.set_up) throw redirect("/setup");
  return { registration: meta.registration, invite: new URL(request.url).searchParams.get("invite") };
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, () => register(request, form));
}

export default function Register() {
  const { registration, invite } = useLoaderData<typeof loader>();
  const refusal = useActionData<typeof action>();
  if (registration === "closed") {
    return (
      <>
        <FormHead title="Registration is closed">Ask the owner of this server for an account.</FormHead>
        <div className={styles.below}>
          <Link to="/login">Sign in</Link>
        </div>
      </>
    );
  }
  return (
    <>
      <FormHead title="Create an account" />
      <FormError refusal={refusal} />
      <RegisterForm refusal={refusal} invite={registration === "invite" ? (invite ?? "") : null}>
        Create account
      </RegisterForm>
      <div className={styles.below}>
        <span>
          Already have an account? <Link to="/login">Sign in</Link>
        </span>
      </div>
    </>
  );
}
