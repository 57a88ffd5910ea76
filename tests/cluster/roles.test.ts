import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { type NginxEngine, startNginx } from "../support/engines/nginx.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { testWith } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";
import { openClient } from "../support/ws-client.ts";
import { NodeProcess } from "./node-process.ts";

/** Four nodes with one role each, started at the same time on an empty database. */
setDefaultTimeout(120_000);

const ROLES = ["edge", "api", "worker", "web"] as const;
type Role = (typeof ROLES)[number];

let database: TestDatabase;
const nodes = {} as Record<Role, NodeProcess>;

beforeAll(async () => {
  database = await testDatabase();
  await database.sql.unsafe("DROP SCHEMA pgboss CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  for (const role of ROLES) {
    nodes[role] = await NodeProcess.make({
      DATABASE_URL: database.url,
      ROLES: role,
      // Tokens name their issuer: without this each node would be one, by its port.
      PUBLIC_URL: "http://localhost",
      GRPC_TOKEN: "a-token-of-the-tests",
      TRUSTED_PROXIES: "127.0.0.1",
      WEBHOOKS_ALLOW_PRIVATE: "true",
    });
  }
  await Promise.all(ROLES.map((role) => nodes[role].start()));
}, 120_000);
afterAll(async () => {
  await Promise.all(ROLES.map((role) => nodes[role]?.remove()));
  await database.close();
}, 60_000);

test("of nodes that start at the same time on an empty database one migrates, and the others wait for it", async () => {
  const [{ times } = { times: 0 }] = await database.sql<{ times: number }[]>`
    SELECT max(times)::int AS times FROM (SELECT count(*) AS times FROM schema_migrations GROUP BY version) AS each`;
  expect(times).toBe(1);
  const rows = await database.sql<{ roles: string[] }[]>`SELECT roles FROM nodes WHERE left_at IS NULL`;
  expect(rows.flatMap(({ roles }) => roles).sort()).toEqual([...ROLES].sort());
});

/** A node's responses, as status codes; gRPC: whether the port is open. */
async function probe(role: Role) {
  const { port, grpcPort } = nodes[role];
  const status = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  const socket = await openClient(port).then(
    (client) => {
      client.close();
      return true;
    },
    () => false,
  );
  const { body } = await nodes[role].readiness();
  return {
    ready: body.status,
    health: await status("/health"),
    api: await status("/api/v1/meta"),
    stream: await status("/api/v1/stream?rooms=event:1"),
    socket,
    page: await status("/reset"),
    grpc: await listens(grpcPort),
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

test("each does its own part, and returns an error for the others'", async () => {
  const none = { ready: "ready", health: 200, api: 404, stream: 404, socket: false, page: 404, grpc: false };
  expect(await probe("edge")).toEqual({ ...none, stream: 200, socket: true, grpc: true });
  expect(await probe("api")).toEqual({ ...none, api: 200, grpc: true });
  expect(await probe("worker")).toEqual(none);
  expect(await probe("web")).toEqual({ ...none, page: 200 });
  const refusal = await fetch(`http://127.0.0.1:${nodes.edge.port}/api/v1/meta`);
  expect(await refusal.text()).toContain('This node does not have the role \\"api\\". Ask another one.');
});

testWith("nginx")("together, with nginx that routes by path, they are all of Usher", async () => {
  const nginx = await startNginx([nodes.web.port], [nodes.api.port], (site) =>
    site
      .replace(
        /(location = \/(?:ws|api\/v1\/stream) \{\s*proxy_pass) http:\/\/usher;/g,
        `$1 http://127.0.0.1:${nodes.edge.port};`,
      )
      .replace("location / {", `location /api/ { proxy_pass http://127.0.0.1:${nodes.api.port}; }\n location / {`),
  );
  const receiver = new WebhookReceiver();
  try {
    await exercise(nginx, receiver);
  } finally {
    await nginx.close();
    await receiver.close();
  }
});

/** A page, the API, a socket and a webhook, each by its own node. */
async function exercise({ url, port }: NginxEngine, receiver: WebhookReceiver): Promise<void> {
  expect(await (await fetch(`${url}/login`)).text()).toContain("<html");
  const post = async (path: string, body: object, token?: string) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${url}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    expect([path, response.status]).toEqual([path, 201]);
    // biome-ignore lint/suspicious/noExplicitAny: responses of every shape
    return (await response.json()) as any;
  };
  const ann = { email: "ann@example.org", username: "ann", password: "the password of ann" };
  const { access_token: token } = await post("/auth/register", ann);
  await post("/webhook-endpoints", { url: `${receiver.url}/all`, rooms: ["*"], event_types: ["*"] }, token);
  const { id } = await post("/channels", { type: "public", name: "hall" }, token);
  const client = await openClient(port, { query: `?token=${token}` });
  await client.request("room:join", { room: `channel:${id}` });
  await post(`/channels/${id}/messages`, { content: "hello" }, token);
  expect((await client.next("message:created")).payload.content).toBe("hello");
  await waitUntil("the worker posted it", () =>
    receiver.at("/all").some(({ body }) => body.type === "message:created"),
  );
  client.close();
}

test("SIGTERM ends each of them with code 0", async () => {
  expect(await Promise.all(ROLES.map((role) => nodes[role].drain()))).toEqual([0, 0, 0, 0]);
});
