import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import { clearSessionCookie, readSessionCookie, setSessionCookie } from "../cookie.ts";
import type { IdentityContext } from "../identity-context.ts";
import { login, parseLoginName } from "../login.ts";
import { requestReset, resetPassword } from "../passwords.ts";
import { register, toNewAccount } from "../register.ts";
import { issueAccessToken, issueConnectionToken, logout, refresh, type SignedIn as SignIn } from "../sessions.ts";
import { authenticateCookie } from "../user-authenticator.ts";
import { getClientInfo } from "./client-info.ts";
import {
  ConnectionToken,
  Email,
  LoginBody,
  NewPassword,
  Refreshed,
  RegisterBody,
  Secret,
  SignedIn,
} from "./schemas.ts";

const tag = "auth";
const COOKIE = { "set-cookie": "`usher_session`, for browsers; over https it is `__Host-usher_session`." };

const registerRoute = route({
  method: "post",
  path: "/api/v1/auth/register",
  summary:
    "Creates an account and signs it in; the first one owns the server. A session whose cookie is sent along ends",
  tag,
  auth: "public",
  request: { body: RegisterBody },
  responses: { 201: { description: "Created and signed in.", schema: SignedIn, headers: COOKIE } },
  errors: ["setup_code_needed", "registration_closed", "invite_needed", "email_taken", "username_taken"],
});

const loginRoute = route({
  method: "post",
  path: "/api/v1/auth/login",
  summary: "Signs in by e-mail or username. A session whose cookie is sent along ends: the new one replaces it",
  tag,
  auth: "public",
  request: { body: LoginBody },
  responses: { 200: { description: "Signed in.", schema: SignedIn, headers: COOKIE } },
  errors: ["invalid_credentials", "banned"],
});

const refreshRoute = route({
  method: "post",
  path: "/api/v1/auth/refresh",
  summary: "Exchanges a refresh token, or the session cookie, for a new access token",
  tag,
  auth: "public",
  request: { body: z.strictObject({ refresh_token: Secret.optional() }) },
  responses: { 200: { description: "The old refresh token is used up.", schema: Refreshed } },
  errors: ["refresh_invalid", "banned"],
});

const logoutRoute = route({
  method: "post",
  path: "/api/v1/auth/logout",
  summary: "Ends this session; its sockets close at once",
  tag,
  auth: "user",
  responses: { 204: { description: "Ended." } },
});

const requestResetRoute = route({
  method: "post",
  path: "/api/v1/auth/password-reset-requests",
  summary: "Sends a link to set a new password, if an account has this address",
  tag,
  auth: "public",
  request: { body: z.strictObject({ email: Email }) },
  responses: { 202: { description: "Accepted; the response is the same for every address." } },
});

const resetRoute = route({
  method: "post",
  path: "/api/v1/auth/password-resets",
  summary: "Sets a new password by the token of a link; all sessions of the account end",
  tag,
  auth: "public",
  request: { body: z.strictObject({ token: Secret, password: NewPassword }) },
  responses: { 204: { description: "Set." } },
  errors: ["token_expired"],
});

const connectionTokenRoute = route({
  method: "post",
  path: "/api/v1/auth/connection-tokens",
  summary: "Creates a token of one minute for `/ws?token=` and EventSource",
  tag,
  auth: "user",
  request: { body: z.strictObject({}) },
  responses: { 201: { description: "Made.", schema: ConnectionToken } },
});

export function addAuthRoutes(api: Api, context: IdentityContext): void {
  const https = context.publicUrl.startsWith("https:");
  const cookie = (signIn: SignIn, secure: boolean) =>
    setSessionCookie(signIn.cookie, context.config.SESSION_TTL, https || secure);
  const getSignInClient = (c: Parameters<typeof getClientInfo>[0]) => ({
    ...getClientInfo(c),
    cookie: readSessionCookie(c.req.header("cookie"), https),
  });

  api.openapi(registerRoute, async (c) => {
    const signIn = await register(context, toNewAccount(c.req.valid("json")), getSignInClient(c));
    c.header("set-cookie", cookie(signIn, c.get("secure")));
    return c.json(SignedIn.parse(signIn), 201);
  });

  api.openapi(loginRoute, async (c) => {
    const { password, device_name = null, ...name } = c.req.valid("json");
    const signIn = await login(context, parseLoginName(name), password, getSignInClient(c), device_name);
    c.header("set-cookie", cookie(signIn, c.get("secure")));
    return c.json(SignedIn.parse(signIn), 200);
  });

  api.openapi(refreshRoute, async (c) => {
    const { refresh_token } = c.req.valid("json");
    if (refresh_token !== undefined) return c.json(await refresh(context, refresh_token), 200);
    // The cookie itself: an access token that renewed itself would never end.
    const caller = await authenticateCookie(context, c.req.header("cookie"));
    if (caller !== null) return c.json(await issueAccessToken(context, caller), 200);
    throw new AppError("refresh_invalid", "Send a refresh_token, or the session's cookie.");
  });

  api.openapi(logoutRoute, async (c) => {
    await logout(context, c.get("caller"));
    c.header("set-cookie", clearSessionCookie(https || c.get("secure")));
    return c.body(null, 204);
  });

  api.openapi(requestResetRoute, async (c) => {
    await requestReset(context, c.req.valid("json").email, getClientInfo(c));
    return c.body(null, 202);
  });

  api.openapi(resetRoute, async (c) => {
    const { token, password } = c.req.valid("json");
    await resetPassword(context, token, password);
    return c.body(null, 204);
  });

  api.openapi(connectionTokenRoute, async (c) => c.json(await issueConnectionToken(context, c.get("caller")), 201));
}
