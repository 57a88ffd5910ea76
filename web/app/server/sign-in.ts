import { createApiClient } from "./api-client.ts";
import { field, raw } from "./forms.ts";
import { redirect } from "./redirect.ts";

/** Creates an account from the fields of `RegisterForm` and signs in. */
export async function register(request: Request, form: FormData): Promise<Response> {
  const { rest, cookies } = createApiClient(request);
  await rest.auth.register({
    email: field(form, "email") ?? "",
    username: field(form, "username") ?? "",
    password: raw(form, "password"),
    invite_code: field(form, "invite_code"),
    setup_code: field(form, "setup_code"),
  });
  return redirect(getTarget(request), { headers: cookies });
}

/** Signs in by e-mail or username. */
export async function signIn(request: Request, form: FormData): Promise<Response> {
  const { rest, cookies } = createApiClient(request);
  const who = field(form, "who") ?? "";
  await rest.auth.login({
    ...(who.includes("@") ? { email: who } : { username: who }),
    password: raw(form, "password"),
  });
  return redirect(getTarget(request), { headers: cookies });
}

/** The page that was requested before signing in. */
function getTarget(request: Request): string {
  return new URL(request.url).searchParams.get("to") ?? "/";
}
