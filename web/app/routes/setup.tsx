import { type ActionFunctionArgs, type LoaderFunctionArgs, useActionData, useLoaderData } from "react-router";
import { load } from "../server/api-client.ts";
import { attempt } from "../server/forms.ts";
import { redirect } from "../server/redirect.ts";
import { register } from "../server/sign-in.ts";
import { FormError, FormHead } from "../ui/form.tsx";
import { RegisterForm } from "./register-form.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const meta = await load(request, ({ rest }) => rest.meta());
  if (meta.set_up) throw redirect("/login");
  return { setupCode: meta.setup_code_needed };
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, () => register(request, form));
}

/** The first page of a new server: it creates the owner's account. */
export default function Setup() {
  const { setupCode } = useLoaderData<typeof loader>();
  const refusal = useActionData<typeof action>();
  return (
    <>
      <FormHead title="Welcome to Usher">
        This server is new. The account that you create now is its owner: it can invite and ban people.
      </FormHead>
      <FormError refusal={refusal} />
      <RegisterForm refusal={refusal} setupCode={setupCode}>
        Create owner account
      </RegisterForm>
    </>
  );
}
