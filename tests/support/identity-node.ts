import { loadConfig } from "../../src/config/load.ts";
import { createIdentity } from "../../src/identity/index.ts";
import type { UserCaller } from "../../src/platform/caller.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { createApi } from "../../src/platform/http/create-api.ts";
import { IdempotencyKeys } from "../../src/platform/idempotency-keys.ts";
import type { LogEntry } from "../../src/platform/log/entry.ts";
import { createLogger } from "../../src/platform/logger.ts";
import { createMail } from "../../src/platform/mail.ts";
import { createIds } from "../../src/platform/nodes/ids.ts";
import { createTransaction } from "../../src/platform/postgres/transaction.ts";
import type { Watcher } from "../../src/realtime/index.ts";
import { testDatabase } from "./postgres.ts";

/** A response of the API: its status, its JSON body (or null), and its headers. */
export interface TestResponse {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  body: any;
  headers: Headers;
}

/** The caller: by a bearer token, a cookie, from a page, from an address. */
export interface As {
  token?: string;
  cookie?: string;
  /** The origin of the page; our own where a cookie is sent. */
  origin?: string;
  address?: string;
  /** Whether that is the server's own machine; true when left out. */
  isLocal?: boolean;
}

export type IdentityNode = Awaited<ReturnType<typeof startIdentityNode>>;

/**
 * Identity with the real API on its own database; what one node commits, all see immediately. Its calls to the hub are
 * written down in `closed`; `clock.ahead` (ms) lets time pass for the
 * nodes, not for the database; `clock.setBy` (ms) sets their clock to another time.
 */
export async function startIdentityNode(environment: Record<string, string> = {}) {
  const config = loadConfig({ environment: { LOG_LEVEL: "trace", ...environment }, dotenv: null, readFile: () => "" });
  const database = await testDatabase();
  const lines: string[] = [];
  const logger = createLogger(config, { write: (line) => void lines.push(line) });
  const closed: { session?: string; user?: string; address?: string; reason: string }[] = [];
  const renamed: { id: string; username: string }[] = [];
  const watchers: Watcher[] = [];
  const connected: UserCaller[] = [];
  const addresses: string[] = [];
  const clock = { ahead: 0, setBy: 0, now: () => Date.now() + clock.ahead + clock.setBy };
  const makeNode = () => {
    const ids = createIds({
      lease: { node: Math.floor(Math.random() * 1_024), isHeld: () => true },
      clock: systemClock,
    });
    const show = (entry: LogEntry) => watchers.forEach((watcher) => void watcher.entry(entry));
    const identity = createIdentity({
      sql: database.sql,
      transaction: createTransaction({ sql: database.sql, ids, publish: (entries) => entries.forEach(show) }),
      ids,
      config,
      realtime: {
        closeSession: (session, reason) => void closed.push({ session, reason }),
        closeUser: (user, reason) => void closed.push({ user, reason }),
        updateUser: (id, { username }) => void renamed.push({ id, username }),
        callers: () => connected,
        closeFrom: (matches, reason) =>
          void closed.push(...addresses.filter(matches).map((address) => ({ address, reason }))),
        watch: (room, watcher) =>
          void watchers.push({
            entry: (entry) => (entry.room === room ? watcher.entry(entry) : undefined),
            interrupted: () => watcher.interrupted(),
          }),
      },
      mail: createMail(config),
      clock,
      elapsed: () => performance.now() + clock.ahead,
      logger,
    });
    const api = createApi({
      config,
      logger,
      authenticate: (token) => identity.authenticate(token, "api"),
      authenticateCookie: (header) => identity.authenticateCookie(header),
      idempotency: new IdempotencyKeys(database.sql),
    });
    identity.routes(api);
    return { identity, api };
  };
  const { identity, api } = makeNode();
  await identity.start();

  async function call(method: string, path: string, body?: unknown, as: As = {}): Promise<TestResponse> {
    const headers: Record<string, string> = {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(as.token === undefined ? {} : { authorization: `Bearer ${as.token}` }),
      ...(as.cookie === undefined ? {} : { cookie: as.cookie, origin: "http://localhost" }),
      ...(as.origin === undefined ? {} : { origin: as.origin }),
    };
    const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    const response = await api.request(path.startsWith("/.") ? path : `/api/v1${path}`, init, {
      address: as.address ?? "192.0.2.1",
      requestId: crypto.randomUUID(),
      secure: false,
      host: "localhost",
      isLocal: as.isLocal ?? true,
    });
    const text = await response.text();
    if (response.status >= 500) console.error(lines.filter((line) => line.includes('"error"')).at(-1));
    return { status: response.status, body: text === "" ? null : JSON.parse(text), headers: response.headers };
  }

  /** Registers a user with the password `correct horse`; the first one is the owner. */
  async function register(username: string, more: Record<string, unknown> = {}) {
    const setup_code = (await identity.setupCode()) ?? undefined;
    const account = { email: `${username}@example.org`, username, password: "correct horse", setup_code, ...more };
    const { status, body, headers } = await call("POST", "/auth/register", account);
    if (status !== 201) throw new Error(`register ${username}: ${status} ${JSON.stringify(body)}`);
    return {
      id: body.user.id as string,
      token: body.access_token as string,
      refresh: body.refresh_token as string,
      cookie: headers.get("set-cookie")!.split(";")[0]!,
    };
  }

  return {
    identity,
    makeNode,
    call,
    register,
    closed,
    addresses,
    renamed,
    watchers,
    connected,
    clock,
    lines,
    config,
    sql: database.sql,
    login: (username: string, password = "correct horse", as: As = {}) =>
      call("POST", "/auth/login", { username, password }, as),
    close: () => database.close(),
  };
}
