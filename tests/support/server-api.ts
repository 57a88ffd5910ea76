import { SignJWT } from "jose";
import { startTestApp, TEST_ISSUER, TEST_SECRET, type TestApp } from "./app.ts";
import { openClient, type WsClient } from "./ws-client.ts";

/** A response of the API: its status, and its body when there is one. */
export interface TestResponse<T = Record<string, unknown>> {
  status: number;
  body: T;
  headers: Headers;
}

export interface ServerApiApp extends TestApp {
  wsPort: number;
  /** The access token of the owner. */
  owner: string;
  request<T = Record<string, unknown>>(
    token: string | null,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<TestResponse<T>>;
  /** Makes a service token and returns its text. */
  serviceToken(scopes: readonly string[], rooms?: readonly string[], more?: object): Promise<string>;
  /** A connection of this person, after system:connected; the person need not exist before. */
  connectAs(userId: string): Promise<WsClient>;
}

/** The whole of Usher with an owner, for calls as other teams' back ends make them. */
export async function startServerApiApp(env: Record<string, string> = {}): Promise<ServerApiApp> {
  const app = await startTestApp(env);
  const wsPort = Number(new URL(app.url).port);

  async function request<T>(
    token: string | null,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) {
    const response = await fetch(`${app.url}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === "" ? {} : JSON.parse(text)) as T };
  }

  // On a database that has an owner already, this person is another member, and that owner's token is used.
  const register = { username: "olga", email: "olga@example.org", password: "the password of olga" };
  const registered = await request<{ access_token?: string }>(null, "POST", "/api/v1/auth/register", register);
  const owner =
    registered.body.access_token ??
    (await request<{ access_token: string }>(null, "POST", "/api/v1/auth/login", register)).body.access_token;
  return {
    ...app,
    wsPort,
    owner,
    request,
    async serviceToken(scopes, rooms = ["*"], more = {}) {
      const made = await request<{ token: string }>(owner, "POST", "/api/v1/service-tokens", {
        name: "test",
        scopes,
        rooms,
        ...more,
      });
      if (made.status !== 201) throw new Error(`no token was made: ${JSON.stringify(made.body)}`);
      return made.body.token;
    },
    async connectAs(userId) {
      const client = await openClient(wsPort, { query: `?token=${await personToken(userId)}` });
      await client.next("system:connected");
      return client;
    },
  };
}

/** A token of the other issuer, whose people are known here by their subject. */
export function personToken(userId: string): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(userId)
    .setIssuer(TEST_ISSUER)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(TEST_SECRET));
}
