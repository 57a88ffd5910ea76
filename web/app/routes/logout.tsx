import type { ActionFunctionArgs } from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import { createApiClient } from "../server/api-client.ts";
import { redirect } from "../server/redirect.ts";

/** Signing out is a post: a link or an image of another site must not sign a user out. */
export async function action({ request }: ActionFunctionArgs) {
  const { rest, cookies } = createApiClient(request);
  try {
    await rest.auth.logout();
  } catch (error) {
    // Signed out already, from another window.
    if (!(error instanceof UsherError) || error.code !== "unauthenticated") throw error;
  }
  return redirect("/login?ended=signed_out", { headers: cookies });
}

export function loader() {
  return redirect("/");
}
