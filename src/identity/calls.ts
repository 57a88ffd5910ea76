import { z } from "zod";
import type { ServiceCaller, UserCaller } from "../platform/caller.ts";
import { validationError } from "../platform/http/validation-error.ts";
import { issueToken } from "./issue-token.ts";
import { login, oneName } from "./login.ts";
import type { Origin, Parts } from "./parts.ts";
import { newAccount, register } from "./register.ts";
import { Email, LoginBody, RegisterBody, Secret } from "./routes/shapes.ts";
import { type Credentials, logout, refresh, type SignedIn } from "./sessions.ts";
import type { IssuedToken } from "./tokens.ts";

/**
 * What the routes of accounts do, for doors that have no routes (gRPC). Messages are checked as the bodies of the routes are, and
 * the same limits hold for the same address.
 */
export interface Calls {
  /** Throws as `register`. */
  signUp(message: unknown, origin: Origin): Promise<SignedIn>;
  /** Throws as `login`. */
  signIn(message: unknown, origin: Origin): Promise<SignedIn>;
  /** Throws `refresh_invalid`, `banned`. */
  refresh(message: unknown): Promise<Credentials>;
  signOut(caller: UserCaller): Promise<void>;
  /** An access token for the member with this e-mail address, in the name of a service. Throws `not_found`, `forbidden`, `banned`. */
  issueToken(message: unknown, service: ServiceCaller): Promise<IssuedToken>;
}

const RefreshBody = z.strictObject({ refresh_token: Secret });
const IssueBody = z.strictObject({ email: Email });

export function callsOf(parts: Parts): Calls {
  return {
    async signUp(message, origin) {
      return register(parts, newAccount(checked(RegisterBody, message)), origin);
    },
    async signIn(message, origin) {
      const { password, device_name = null, ...name } = checked(LoginBody, message);
      return login(parts, oneName(name), password, origin, device_name);
    },
    async refresh(message) {
      return refresh(parts, checked(RefreshBody, message).refresh_token);
    },
    signOut: (caller) => logout(parts, caller),
    async issueToken(message, service) {
      return issueToken(parts, checked(IssueBody, message).email, service);
    },
  };
}

function checked<S extends z.ZodType>(schema: S, message: unknown): z.infer<S> {
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  throw validationError("json", result.error.issues);
}
