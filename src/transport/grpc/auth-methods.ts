import { z } from "zod";
import type {
  GenerateTokenResponse,
  RefreshResponse,
  Session,
  SignOutResponse,
  ValidateTokenResponse,
} from "../../../protocol/proto/messages.ts";
import { text } from "../../../protocol/text.ts";
import type { Identity } from "../../identity/index.ts";
import type { ServiceCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import type { CallInfo, Unary } from "./call.ts";

/** What AuthService uses of identity, which checks the messages as it checks the bodies of its routes. */
export type Accounts = Pick<Identity, "authenticate" | "calls">;

/** A message without its empty texts: in proto3 they are the same as none. */
const NonEmptyFields = z
  .looseObject({})
  .transform((message) => Object.fromEntries(Object.entries(message).filter(([, value]) => value !== "")));

const Token = z.object({ token: text(8_192).min(1, "is required") });
const AccessToken = z.object({ access_token: text(8_192).min(1, "is required") });

export function createAuthMethods({ authenticate, calls }: Accounts, unary: Unary) {
  return {
    GenerateToken: unary("GenerateToken", {
      access: "service",
      request: NonEmptyFields,
      async run(body, caller): Promise<GenerateTokenResponse> {
        requireScope(caller);
        const { token, expires_in } = await calls.issueToken(body, caller);
        return { token, expires_in_seconds: expires_in };
      },
    }),

    ValidateToken: unary("ValidateToken", {
      access: "service",
      request: Token,
      async run({ token }): Promise<ValidateTokenResponse> {
        const { userId, username, role } = await authenticate(token, "api");
        return { user_id: userId, username, role };
      },
    }),

    SignUp: unary("SignUp", {
      access: "public",
      request: NonEmptyFields,
      run: async (body, info) => ({ session: toSession(await calls.signUp(body, getClientInfo(info))) }),
    }),

    SignIn: unary("SignIn", {
      access: "public",
      request: NonEmptyFields,
      run: async (body, info) => ({ session: toSession(await calls.signIn(body, getClientInfo(info))) }),
    }),

    Refresh: unary("Refresh", {
      access: "public",
      request: NonEmptyFields,
      async run(body): Promise<RefreshResponse> {
        const { access_token, refresh_token, expires_in } = await calls.refresh(body);
        return { access_token, refresh_token: refresh_token ?? "", expires_in_seconds: expires_in };
      },
    }),

    SignOut: unary("SignOut", {
      access: "public",
      request: AccessToken,
      async run({ access_token }): Promise<SignOutResponse> {
        await calls.signOut(await authenticate(access_token, "api"));
        return {};
      },
    }),
  };
}

function requireScope({ scopes }: ServiceCaller): void {
  if (!scopes.includes("tokens:issue")) throw new AppError("forbidden", "This token has no scope `tokens:issue`.");
}

function getClientInfo({ address, isLocal, userAgent }: CallInfo) {
  return { address, isLocal, userAgent };
}

type SignedIn = Awaited<ReturnType<Identity["calls"]["signIn"]>>;

function toSession({ user, access_token, refresh_token, expires_in }: SignedIn): Session {
  const { id: user_id, username } = user;
  return { user_id, username, access_token, refresh_token: refresh_token ?? "", expires_in_seconds: expires_in };
}
