import { field, raw } from "./forms.ts";
import { hubFor } from "./hub.ts";
import { redirect } from "./redirect.ts";

/** Makes an account from the fields of `RegisterForm` and goes on into the house, signed in. */
export async function register(request: Request, form: FormData): Promise<Response> {
  const { rest, cookies } = hubFor(request);
  await rest.auth.register({
    email: field(form, "email") ?? "",
    username: field(form, "username") ?? "",
    password: raw(form, "password"),
    invite_code: field(form, "invite_code"),
    setup_code: field(form, "setup_code"),
  });
  return redirect(target(request), { headers: cookies });
}

/** Signs in by e-mail or username. */
export async function signIn(request: Request, form: FormData): Promise<Response> {
  const { rest, cookies } = hubFor(request);
  const who = field(form, "who") ?? "";
  await rest.auth.login({
    ...(who.includes("@") ? { email: who } : { username: who }),
    password: raw(form, "password"),
  });
  return redirect(target(request), { headers: cookies });
}

/** The page that was asked for before signing in. */
function target(request: Request): string {
  return new URL(request.url).searchParams.get("to") ?? "/";
}
