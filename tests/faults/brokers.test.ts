import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import type { Sql } from "../../src/platform/postgres/sql.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { startNats } from "../support/engines/nats.ts";
import { startRedis } from "../support/engines/redis.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { testWith } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient } from "../support/ws-client.ts";

/** How long the server is away, in s. By hand also for the five minutes that an operator may need. */
const AWAY = Number(process.env.BROKER_AWAY ?? 3);

/** What wakes the nodes, and how it is removed and restored. */
interface Server {
  /** Options of each node; the last node's way to it leads through the proxy. */
  options(port: number): Record<string, string>;
  port: number;
  stop(sql: Sql): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const KINDS: { kind: string; check: typeof test; begin: () => Promise<Server> }[] = [
  {
    kind: "redis",
    check: testWith("redis-server"),
    async begin() {
      const redis = await startRedis();
      return {
        options: (port) => ({ BROKER: "auto", REDIS_HOST: "127.0.0.1", REDIS_PORT: String(port) }),
        port: redis.port,
        stop: () => redis.kill(),
        start: () => redis.start(),
        close: () => redis.close(),
      };
    },
  },
  {
    kind: "nats",
    check: testWith("nats-server"),
    async begin() {
      const nats = await startNats();
      return {
        options: (port) => ({ BROKER: "auto", NATS_URL: `nats://127.0.0.1:${port}` }),
        port: nats.port,
        stop: () => nats.kill(),
        start: () => nats.start(),
        close: () => nats.close(),
      };
    },
  },
  {
    kind: "postgres",
    check: test,
    async begin() {
      // The server cannot be stopped and still commit posts; its connections for the broker can be ended again and again.
      let ending: ReturnType<typeof setInterval> | undefined;
      return {
        options: () => ({ BROKER: "auto" }),
        port: 0,
        async stop(sql) {
          const end = () =>
            sql`
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'usher broker' AND datname = current_database()`.catch(() => {});
          ending = setInterval(end, 20);
          await end();
        },
        start: async () => clearInterval(ending),
        close: async () => clearInterval(ending),
      };
    },
  },
];

for (const { kind, check, begin } of KINDS) {
  const group = check === test ? describe : describe.skip;
  group(`three nodes on ${kind}`, () => {
    let server: Server;
    let proxy: TcpProxy | null = null;
    let sql: Sql;
    let database: ReturnType<typeof openDatabase>;
    const apps: TestApp[] = [];
    const clients: WsClient[] = [];
    let token = "";
    let channel = "";

    beforeAll(async () => {
      server = await begin();
      if (server.port !== 0) proxy = await startTcpProxy(server.port);
      const common: Record<string, string> = { ROLES: "edge,api" };
      for (const port of [server.port, server.port, proxy?.port ?? 0]) {
        if (apps[0] !== undefined) common.DATABASE_URL = apps[0].databaseUrl;
        apps.push(await startTestApp({ ...common, ...server.options(port) }));
      }
      database = openDatabase(apps[0]!.databaseUrl, { max: 2 });
      sql = database.sql;
      const person = { email: "owner@example.org", username: "owner", password: "correct horse" };
      token = (await call(apps[0]!, "POST", "/auth/register", person)).access_token;
      channel = (await call(apps[0]!, "POST", "/channels", { name: "general", type: "public" })).id;
      for (const app of apps) {
        const client = await openClient(Number(new URL(app.url).port), { query: `?token=${token}` });
        clients.push(client);
        await client.request("room:join", { room: `channel:${channel}` });
      }
      await waitUntil("each node knows the others", async () => {
        const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM nodes`;
        return row!.n === 3;
      });
      await waitUntilReceived();
    }, 90_000);

    afterAll(async () => {
      for (const client of clients) client.close();
      await database?.close();
      for (const app of apps.toReversed()) await app.close();
      await proxy?.close();
      await server?.close();
    }, 90_000);

    async function call(app: TestApp, method: string, path: string, body?: object) {
      const headers: Record<string, string> = { "content-type": "application/json" };
      if (token !== "") headers.authorization = `Bearer ${token}`;
      const response = await fetch(`${app.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return JSON.parse(text);
    }

    const ready = async (app: TestApp) => {
      const response = await fetch(`${app.url}/ready`);
      return { code: response.status, ...((await response.json()) as { status: string; reason?: string }) };
    };

    let count = 0;
    const sent: string[] = [];

    async function post(app: TestApp, more = ""): Promise<string> {
      const content = `words ${++count}${more}`;
      await call(app, "POST", `/channels/${channel}/messages`, { content, client_id: `c${count}` });
      sent.push(content);
      return content;
    }

    const seenBy = (client: WsClient) =>
      client.frames.filter(({ type }) => type === "message:created").map(({ payload }) => payload.content as string);

    const seen = (content: string) =>
      waitUntil(`all see "${content}"`, () => clients.every((client) => seenBy(client).includes(content)));

    /** No node makes a checkpoint meanwhile: what is committed and the broker does not bring, no node finds. */
    const withoutPolling = (work: () => Promise<void>) =>
      sql.reserve(async (connection) => {
        await connection`SELECT pg_advisory_lock(7302)`;
        try {
          await work();
        } finally {
          await connection`SELECT pg_advisory_unlock(7302)`;
        }
      });

    /** Waits until the broker alone delivers each node's messages to all. For a message that it lost before, the next one does. */
    const waitUntilReceived = () =>
      withoutPolling(async () => {
        for (const app of apps)
          await waitUntil("the broker brings it", async () => {
            const content = await post(app);
            return waitUntil("all see it", () => clients.every((client) => seenBy(client).includes(content)), 300).then(
              () => true,
            );
          });
      });

    check("what is posted on one node is seen on the others by the broker alone", async () => {
      await withoutPolling(async () => {
        for (const app of apps) await seen(await post(app));
        // More than fits into PostgreSQL's NOTIFY: announced, and read from the log.
        await seen(await post(apps[1]!, "🎭".repeat(2_000)));
      });
    });

    check(
      "without the server it is seen by polling, nothing is lost, and nodes are only degraded",
      async () => {
        await server.stop(sql);
        const delays: number[] = [];
        const until = performance.now() + AWAY * 1_000;
        while (performance.now() < until) {
          for (const app of apps) {
            const content = await post(app);
            const began = performance.now();
            await seen(content);
            delays.push(Math.round(performance.now() - began));
          }
          await Bun.sleep(700); // the pace of human users, at which polling is slowest; it waits for nothing
        }
        console.log(
          `${kind} away for ${AWAY} s: ${delays.length} posts seen on all nodes after at most ${Math.max(...delays)} ms`,
        );
        await waitUntil("all say so", async () =>
          (await Promise.all(apps.map(ready))).every(({ code, status }) => code === 200 && status === "degraded"),
        );
        await server.start();
        await waitUntil("all are well", async () =>
          (await Promise.all(apps.map(ready))).every(({ status }) => status === "ready"),
        );
        await waitUntilReceived();
        await seen(await post(apps[0]!));
        for (const client of clients) expect(seenBy(client)).toEqual(sent);
      },
      60_000 + AWAY * 1_000,
    );

    if (kind !== "redis") return;
    check(
      "a node that alone receives nothing takes no requests within ten seconds, and takes them again later",
      async () => {
        proxy!.stall();
        const began = performance.now();
        const isolated = await waitUntil("it is isolated", async () => {
          const state = await ready(apps[2]!);
          return state.code === 503 && state;
        });
        console.log(`isolated after ${Math.round(performance.now() - began)} ms`);
        expect(isolated).toMatchObject({ status: "unavailable", reason: "this node receives nothing from the others" });
        for (const app of apps.slice(0, 2)) expect(await ready(app)).toMatchObject({ code: 200, status: "ready" });
        await seen(await post(apps[0]!)); // by polling
        await waitUntil("admins see which one it is", async () => {
          const headers = { authorization: `Bearer ${token}` };
          const { data } = await (await fetch(`${apps[0]!.url}/api/v1/admin/nodes`, { headers })).json();
          return Bun.deepEquals(
            data.map(({ broker }: { broker: string }) => broker),
            ["ok", "ok", "deaf"],
          );
        });
        proxy!.restore();
        await waitUntil("it is well", async () => (await ready(apps[2]!)).status === "ready");
      },
      60_000,
    );
  });
}
