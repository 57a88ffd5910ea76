import type { ActionFunctionArgs } from "react-router";
import { STEPS_DISMISSED } from "../server/first-steps.ts";
import { raw } from "../server/forms.ts";
import { redirect } from "../server/redirect.ts";

/** Hides the list of first steps in this browser. */
export async function action({ request }: ActionFunctionArgs) {
  const to = raw(await request.formData(), "to");
  const cookie = `${STEPS_DISMISSED}=dismissed; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly`;
  return redirect(to, { headers: { "set-cookie": cookie } });
}

export function loader() {
  return redirect("/");
}
