import { afterAll, beforeAll, expect, test } from "bun:test";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { createLogger } from "../../src/platform/logger.ts";
import { REMOTE_ADDRESS, testFromRemote } from "../support/remote-address.ts";
import { waitUntil } from "../support/wait-until.ts";
import { type GrpcNode, refusal, startGrpcNode } from "./node.ts";

/** How gRPC callers are authenticated. */
let node: GrpcNode;
let owner: Awaited<ReturnType<GrpcNode["person"]>>;

beforeAll(async () => {
  node = await startGrpcNode();
  owner = await node.person("ann"); // the first account
}, 60_000);
afterAll(() => node.close(), 60_000);

async function serviceToken(scopes: string[], rooms: string[]): Promise<string> {
  const made = await fetch(`${node.url}/api/v1/service-tokens`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${owner.token}` },
    body: JSON.stringify({ name: "test", scopes, rooms }),
  });
  return ((await made.json()) as { token: string }).token;
}
const issue = (email: string, token?: string) => node.request("auth.AuthService/GenerateToken", { email }, { token });
const getCode = async (call: Promise<unknown>) => (await refusal(call)).code;

test("no service becomes an owner or an admin by GenerateToken, and none that its patterns do not cover", async () => {
  const [bob, eve] = [await node.person("bob"), await node.person("eve")];
  const token = await serviceToken(["tokens:issue"], [`user:${bob.id}`]);
  expect(await issue("bob@example.org", token)).toMatchObject({ token: expect.any(String) });
  expect(await getCode(issue("eve@example.org", token))).toBe(status.NOT_FOUND);
  expect(await issue("eve@example.org")).toMatchObject({ token: expect.any(String) });
  // Not even GRPC_TOKEN, which has all scopes and rooms.
  expect(await getCode(issue("ann@example.org"))).toBe(status.PERMISSION_DENIED);
  const raised = await fetch(`${node.url}/api/v1/admin/users/${eve.id}`, {
    method: "PATCH",
    headers: { "content-type": "application/json", authorization: `Bearer ${owner.token}` },
    body: JSON.stringify({ role: "admin" }),
  });
  expect(raised.status).toBe(200);
  expect(await getCode(issue("eve@example.org"))).toBe(status.PERMISSION_DENIED);
});

test("where no token is needed, a call through a proxy needs one all the same", async () => {
  const open = await startGrpcNode({ GRPC_TOKEN: "" });
  try {
    const stats = (metadata = {}) =>
      open.request("realtime.RealtimeService/GetConnectionStats", {}, { token: null, metadata });
    expect((await stats()).total).toBe(0);
    const stream = open.stream("realtime.RealtimeService/Subscribe", { rooms: [{ room: "event:1" }] }, { token: null });
    await waitUntil("a stream stands", () => stream.received.find(({ type }) => type === "system:resumed"));
    expect(stream.error).toBeNull();
    stream.call.cancel();
    expect(await getCode(stats({ "x-forwarded-for": "127.0.0.1" }))).toBe(status.UNAUTHENTICATED);
    const proxied = new Client(open.address, credentials.createInsecure(), {
      "grpc.default_authority": "chat.example.org",
    });
    const { path, requestSerialize, responseDeserialize } = open.findMethod(
      "realtime.RealtimeService/GetConnectionStats",
    );
    const call = new Promise((resolve, reject) =>
      proxied.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error, result) =>
        error ? reject(error) : resolve(result),
      ),
    );
    expect(await getCode(call)).toBe(status.UNAUTHENTICATED);
    proxied.close();
  } finally {
    await open.close();
  }
});

test("calls without a good token count with the other requests of their address", async () => {
  const limited = await startGrpcNode({ HTTP_RATE_LIMIT: "60" });
  try {
    const signIn = () =>
      limited.request("auth.AuthService/SignIn", { email: "unknown@example.org", password: "no" }, { token: null });
    expect(await getCode(signIn())).toBe(status.UNAUTHENTICATED);
    while ((await fetch(`${limited.url}/api/v1/meta`)).status !== 429);
    expect(await getCode(signIn())).toBe(status.RESOURCE_EXHAUSTED);
    // Callers with a token are counted by it.
    expect(await limited.request("realtime.RealtimeService/GetConnectionStats", {})).toMatchObject({ total: 0 });
  } finally {
    await limited.close();
  }
});

testFromRemote(
  "the first account by SignUp takes the set-up code from another address, and through a proxy",
  async () => {
    const lines: string[] = [];
    const logger = createLogger({ LOG_LEVEL: "warn", LOG_FORMAT: "json" }, { write: (line) => void lines.push(line) });
    const open = await startGrpcNode({ GRPC_HOST: "0.0.0.0" }, logger);
    // It calls the server by the name that only this machine has for it.
    const stranger = new Client(`${REMOTE_ADDRESS}:${open.port}`, credentials.createInsecure(), {
      "grpc.default_authority": "localhost",
    });
    const { path, requestSerialize, responseDeserialize } = open.findMethod("auth.AuthService/SignUp");
    const account = { username: "ann", email: "ann@example.org", password: "correct horse" };
    const signUp = (more = {}, headers: Record<string, string> = {}) => {
      const metadata = Metadata.fromHttp2Headers(headers);
      return new Promise<unknown>((resolve, reject) =>
        stranger.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          { ...account, ...more },
          metadata,
          (error, result) => (error ? reject(error) : resolve(result)),
        ),
      );
    };
    const here = (metadata = {}) =>
      open.request(
        "auth.AuthService/SignUp",
        { ...account, username: "eve", email: "eve@example.org" },
        { token: null, metadata },
      );
    try {
      expect(await getCode(signUp())).toBe(status.PERMISSION_DENIED);
      expect(await getCode(signUp({}, { "x-forwarded-for": "127.0.0.1" }))).toBe(status.PERMISSION_DENIED);
      expect(await getCode(signUp({ setup_code: "AAAA-AAAA-AAAA-AAAA" }))).toBe(status.PERMISSION_DENIED);
      expect(await getCode(here({ "x-forwarded-for": "127.0.0.1" }))).toBe(status.PERMISSION_DENIED);
      const setup_code = /[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}/.exec(lines.join(""))?.[0];
      expect(await signUp({ setup_code })).toMatchObject({ session: { username: "ann" } });
      expect(await here()).toMatchObject({ session: { username: "eve" } });
    } finally {
      stranger.close();
      await open.close();
    }
  },
);

test("the first account by SignUp takes no code on this machine", async () => {
  const open = await startGrpcNode();
  try {
    const account = { username: "ann", email: "ann@example.org", password: "correct horse" };
    const result = await open.request("auth.AuthService/SignUp", account, { token: null });
    expect(result).toMatchObject({ session: { username: "ann" } });
  } finally {
    await open.close();
  }
});
