import { z } from "zod";
import { loadConfig } from "../../src/config/load.ts";
import type { UserCaller } from "../../src/platform/caller.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { AppError } from "../../src/platform/errors.ts";
import type { Api } from "../../src/platform/http/api.ts";
import { type ApiDeps, createApi } from "../../src/platform/http/create-api.ts";
import { createOriginCheck } from "../../src/platform/http/origin-check.ts";
import { buildLinkHeader, CursorQuery, requireSingleCursor } from "../../src/platform/http/paging.ts";
import { route } from "../../src/platform/http/route.ts";
import { IdempotencyKeys } from "../../src/platform/idempotency-keys.ts";
import { createLogger } from "../../src/platform/logger.ts";
import { createMetrics } from "../../src/platform/metrics.ts";
import { addDocs } from "../../src/transport/http/docs.ts";
import { createHttpServer } from "../../src/transport/http/http-server.ts";
import { addMeta } from "../../src/transport/http/meta.ts";
import { createPageProxy } from "../../src/transport/http/page-proxy.ts";
import { addProbes, type Check, createReadiness } from "../../src/transport/http/probes.ts";
import { testDatabase } from "./postgres.ts";

/** A person of the example: the token (and the cookie `session=`) is the name. */
export function person(name: string, role: UserCaller["role"] = "member"): UserCaller {
  return { kind: "user", userId: name, username: name, role, sessionId: null, expiresAt: null };
}

export interface ExampleOptions {
  environment?: Record<string, string>;
  limits?: ApiDeps["limits"];
  checks?: Check[];
  draining?: () => boolean;
  /** Unix socket of a page process. */
  pages?: string;
  innerSocket?: string;
}

/**
 * The real server with the real database and a few own routes in place of the modules': what every route has in
 * common is tested against these.
 */
export async function exampleServer(options: ExampleOptions = {}) {
  const config = loadConfig({
    environment: { HTTP_HOST: "127.0.0.1", HTTP_PORT: "0", LOG_LEVEL: "trace", ...options.environment },
    dotenv: null,
    readFile: () => "",
  });
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger(config, { write: (line) => void lines.push(JSON.parse(line)) });
  const database = await testDatabase();
  const people = new Map([person("ann"), person("bob"), person("root", "owner")].map((one) => [one.userId, one]));
  const metrics = createMetrics("0.0.0");
  const idempotency = new IdempotencyKeys(database.sql);
  const api = createApi({
    config,
    logger,
    idempotency,
    onError: metrics.countError,
    limits: options.limits,
    authenticate: async (token) => {
      const found = people.get(token);
      if (found === undefined) throw new AppError("unauthenticated", "This token is not valid.");
      return found;
    },
    authenticateCookie: async (header) => people.get(/session=(\w+)/.exec(header)?.[1] ?? "") ?? null,
  });
  const state = addExampleRoutes(api);
  addProbes(api, createReadiness({ checks: options.checks ?? [], isDraining: options.draining ?? (() => false) }));
  const registration = async () => ({ owner_exists: true, setup_code_needed: false });
  addMeta(api, { config, version: "0.0.0", features: [], clock: systemClock, registration });
  addDocs(api, "0.0.0");
  const server = createHttpServer<undefined>({
    config,
    api,
    metrics,
    logger,
    innerSocket: options.innerSocket,
    serves: { api: true, sockets: true },
    sharesPort: false,
    websocket: {
      upgrade: (request, bun) =>
        bun.upgrade(request, { data: undefined }) ? undefined : new Response("", { status: 426 }),
      handler: { message: (socket, frame) => void socket.send(frame) },
    },
    pages:
      options.pages === undefined
        ? null
        : createPageProxy({
            socket: options.pages,
            readTimeout: config.HTTP_READ_TIMEOUT,
            writeTimeout: config.HTTP_WRITE_TIMEOUT,
            isOwnOrigin: createOriginCheck(config),
          }),
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    server,
    api,
    lines,
    state,
    idempotency,
    sql: database.sql,
    loseDatabase: () => database.close(),
    async close() {
      state.gate.resolve();
      await server.stop(1_000);
      metrics.stop();
      await database.close();
    },
  };
}

const Note = z.object({ id: z.string(), by: z.string(), text: z.string() });

function addExampleRoutes(api: Api) {
  const state = {
    notes: new Map<string, z.infer<typeof Note>>(),
    gate: Promise.withResolvers<void>(),
    entered: 0,
    failure: new Error("the secret reason"),
  };
  const common = { tag: "notes", auth: "user" } as const;
  const params = z.object({ note_id: z.string().regex(/^[0-9]{1,9}$/) });

  api.openapi(
    route({
      ...common,
      method: "post",
      path: "/api/v1/notes",
      summary: "Writes a note",
      request: {
        body: z.object({
          text: z.string().max(2_000_000),
          more: z.array(z.strictObject({ at: z.number() })).optional(),
        }),
      },
      responses: { 201: { description: "Written.", schema: Note, headers: { Location: "The note." } } },
    }),
    (c) => {
      const note = { id: String(state.notes.size + 1), by: c.get("caller").userId, text: c.req.valid("json").text };
      state.notes.set(note.id, note);
      c.header("location", `/api/v1/notes/${note.id}`);
      return c.json(note, 201);
    },
  );
  api.openapi(
    route({
      ...common,
      method: "get",
      path: "/api/v1/notes",
      summary: "Lists notes",
      request: { query: CursorQuery },
      responses: { 200: { description: "A page.", schema: z.object({ data: z.array(Note) }) } },
    }),
    (c) => {
      const query = c.req.valid("query");
      requireSingleCursor(query);
      const data = [...state.notes.values()].slice(0, query.limit);
      return c.json({ data }, 200, buildLinkHeader(c.req.url, { next: data.at(-1)?.id ?? null, prev: null }));
    },
  );
  api.openapi(
    route({
      ...common,
      method: "get",
      path: "/api/v1/notes/{note_id}",
      summary: "Reads a note",
      request: { params },
      responses: { 200: { description: "The note.", schema: Note } },
    }),
    (c) => {
      const note = state.notes.get(c.req.valid("param").note_id);
      if (note === undefined) throw new AppError("not_found");
      return c.json(note, 200);
    },
  );
  api.openapi(
    route({
      ...common,
      method: "delete",
      path: "/api/v1/notes/{note_id}",
      summary: "Removes a note",
      request: { params },
      responses: { 204: { description: "It is gone." } },
    }),
    (c) => {
      state.notes.delete(c.req.valid("param").note_id);
      return c.body(null, 204);
    },
  );
  api.openapi(
    route({
      ...common,
      method: "post",
      path: "/api/v1/waits",
      summary: "Responds when the test opens the gate",
      responses: { 200: { description: "How many entered.", schema: z.object({ entered: z.number() }) } },
    }),
    async (c) => {
      state.entered += 1;
      const { entered } = state;
      await state.gate.promise;
      return c.json({ entered }, 200);
    },
  );
  api.openapi(
    route({
      ...common,
      auth: "public",
      method: "post",
      path: "/api/v1/breaks",
      summary: "Fails",
      responses: { 204: { description: "Never." } },
    }),
    () => {
      state.entered += 1;
      throw state.failure;
    },
  );
  api.openapi(
    route({
      ...common,
      auth: "admin",
      method: "get",
      path: "/api/v1/admin",
      summary: "For admins",
      responses: { 200: { description: "Who asks, and from where.", schema: z.object({ address: z.string() }) } },
    }),
    (c) => c.json({ address: c.get("address") }, 200),
  );
  return state;
}
