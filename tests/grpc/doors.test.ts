import { afterAll, beforeAll, expect, test } from "bun:test";
import { Client, credentials, status } from "@grpc/grpc-js";
import { type GrpcNode, refusal, startGrpcNode } from "./node.ts";

/** Who comes in by gRPC, and as whom. */
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
const issue = (email: string, token?: string) => node.ask("auth.AuthService/GenerateToken", { email }, { token });
const codeOf = async (call: Promise<unknown>) => (await refusal(call)).code;

test("no service becomes an owner or an admin by GenerateToken, and it is nobody whom its patterns do not cover", async () => {
  const [bob, eve] = [await node.person("bob"), await node.person("eve")];
  const token = await serviceToken(["tokens:issue"], [`user:${bob.id}`]);
  expect(await issue("bob@example.org", token)).toMatchObject({ token: expect.any(String) });
  expect(await codeOf(issue("eve@example.org", token))).toBe(status.NOT_FOUND);
  expect(await issue("eve@example.org")).toMatchObject({ token: expect.any(String) });
  // Not even GRPC_TOKEN, which has all scopes and rooms.
  expect(await codeOf(issue("ann@example.org"))).toBe(status.PERMISSION_DENIED);
  const raised = await fetch(`${node.url}/api/v1/admin/users/${eve.id}`, {
    method: "PATCH",
    headers: { "content-type": "application/json", authorization: `Bearer ${owner.token}` },
    body: JSON.stringify({ role: "admin" }),
  });
  expect(raised.status).toBe(200);
  expect(await codeOf(issue("eve@example.org"))).toBe(status.PERMISSION_DENIED);
});

test("where no token is needed, whoever comes through a proxy needs one all the same", async () => {
  const open = await startGrpcNode({ GRPC_TOKEN: "" });
  try {
    const stats = (metadata = {}) =>
      open.ask("realtime.RealtimeService/GetConnectionStats", {}, { token: null, metadata });
    expect((await stats()).total).toBe(0);
    expect(await codeOf(stats({ "x-forwarded-for": "127.0.0.1" }))).toBe(status.UNAUTHENTICATED);
    const proxied = new Client(open.address, credentials.createInsecure(), {
      "grpc.default_authority": "chat.example.org",
    });
    const { path, requestSerialize, responseDeserialize } = open.methodOf(
      "realtime.RealtimeService/GetConnectionStats",
    );
    const call = new Promise((resolve, reject) =>
      proxied.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error, answer) =>
        error ? reject(error) : resolve(answer),
      ),
    );
    expect(await codeOf(call)).toBe(status.UNAUTHENTICATED);
    proxied.close();
  } finally {
    await open.close();
  }
});
