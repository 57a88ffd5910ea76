import { z } from "zod";
import type { ServiceCaller, UserCaller } from "../platform/caller.ts";
import { validationError } from "../platform/http/validation-error.ts";
import type { ClientInfo, IdentityContext } from "./identity-context.ts";
import { issueToken } from "./issue-token.ts";
import { login, parseLoginName } from "./login.ts";
import { register, toNewAccount } from "./register.ts";
import { Email, LoginBody, RegisterBody, Secret } from "./routes/schemas.ts";
import { type Credentials, logout, refresh, type SignedIn } from "./sessions.ts";
import type { IssuedToken } from "./tokens.ts";

/**
 * The use cases of the account routes, for transports that have no routes (gRPC). Messages are checked like the bodies of the
 * routes, and the same limits apply to the same address.
 */
export interface Calls {
  /** Throws as `register`. */
  signUp(message: unknown, client: ClientInfo): Promise<SignedIn>;
  /** Throws as `login`. */
  signIn(message: unknown, client: ClientInfo): Promise<SignedIn>;
  /** Throws `refresh_invalid`, `banned`. */
  refresh(message: unknown): Promise<Credentials>;
  signOut(caller: UserCaller): Promise<void>;
  /** An access token for the member with this e-mail address, in the name of a service. Throws `not_found`, `forbidden`, `banned`. */
  issueToken(message: unknown, service: ServiceCaller): Promise<IssuedToken>;
}

const RefreshBody = z.strictObject({ refresh_token: Secret });
const IssueBody = z.strictObject({ email: Email });

export function createCalls(context: IdentityContext): Calls {
  return {
    async signUp(message, client) {
      return register(context, toNewAccount(validate(RegisterBody, message)), client);
    },
    async signIn(message, client) {
      const { password, device_name = null, ...name } = validate(LoginBody, message);
      return login(context, parseLoginName(name), password, client, device_name);
    },
    async refresh(message) {
      return refresh(context, validate(RefreshBody, message).refresh_token);
    },
    signOut: (caller) => logout(context, caller),
    async issueToken(message, service) {
      return issueToken(context, validate(IssueBody, message).email, service);
    },
  };
}

function validate<S extends z.ZodType>(schema: S, message: unknown): z.infer<S> {
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  throw validationError("json", result.error.issues);
}
