import { afterAll, beforeAll, expect, test } from "bun:test";
import { CLOSE } from "../../protocol/codes.ts";
import { type HubNode, mintToken, startHubNode } from "../support/hub-node.ts";
import { openClient } from "../support/ws-client.ts";

let node: HubNode;
let closed: HubNode;
beforeAll(async () => {
  [node, closed] = await Promise.all([startHubNode(), startHubNode({ allowAnonymous: false })]);
});
afterAll(() => Promise.all([node.stop(), closed.stop()]));

/** The response to a handshake, as a plain HTTP exchange shows it. */
async function handshake(port: number, { query = "", headers = {} } = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/ws${query}`, {
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
      ...headers,
    },
  });
  const type = response.headers.get("content-type");
  return { status: response.status, type, code: type?.includes("json") ? (await response.json()).code : null };
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const REFUSED = { status: 401, type: "application/problem+json", code: "unauthenticated" };

const badTokens: Record<string, () => Promise<string> | string> = {
  "an empty one": () => "",
  "a word": () => "hello",
  "one that has expired": () => mintToken("ann", { lifeMs: -5_000 }),
  "one of another key": () =>
    mintToken("ann", { key: new TextEncoder().encode("another server's key, not this one's") }),
  "one without a signature (alg none)": () =>
    `${base64({ alg: "none" })}.${base64({ sub: "ann", sid: "", until: 9e15, exp: 9e9 })}.`,
  "one whose claims were changed": async () => {
    const [head, , signature] = (await mintToken("ann")).split(".");
    return `${head}.${base64({ sub: "root", sid: "", until: 9e15, exp: 9e9 })}.${signature}`;
  },
  "one that is replayed after its session ended": () => {
    node.ended.add("over");
    return mintToken("ann", { sessionId: "over" });
  },
};

for (const [name, make] of Object.entries(badTokens)) {
  test(`CN-2 a bad token is refused before the upgrade: ${name}`, async () => {
    const token = await make();
    expect(await handshake(node.port, { query: `?token=${token}` })).toEqual(REFUSED);
    expect(await handshake(node.port, { headers: { Authorization: `Bearer ${token}` } })).toEqual(REFUSED);
    expect(await handshake(node.port, { headers: { Cookie: `session=${token || "x"}` } })).toEqual(REFUSED);
    if (token === "") return;
    expect(await handshake(node.port, { headers: { "Sec-WebSocket-Protocol": `bearer.${token}` } })).toEqual(REFUSED);
  });
}

test("CN-1 a token is taken from the query, the header, the subprotocol, or the cookie", async () => {
  const token = await mintToken("ann");
  const ways = [
    { query: `?token=${token}` },
    { headers: { Authorization: `Bearer ${token}` } },
    { protocols: [`bearer.${token}`] },
    { headers: { Cookie: `session=${token}` } },
    { headers: { Cookie: `session=${token}`, Origin: "https://ours.example" } },
    { headers: { Authorization: `Bearer ${token}`, Origin: "https://theirs.example" } },
  ];
  for (const way of ways) {
    const client = await openClient(node.port, way);
    expect((await client.next("system:connected")).payload.user_id).toBe("ann");
    expect(client.protocol).toBe(way.protocols?.[0] ?? "");
    client.close();
  }
});

test("CN-3 a page of another origin cannot use the session cookie", async () => {
  const headers = { Cookie: `session=${await mintToken("ann")}`, Origin: "https://theirs.example" };
  expect(await handshake(node.port, { headers })).toMatchObject({ status: 403, code: "wrong_origin" });
});

test("CN-4 a client without a token is anonymous, or refused where that is not allowed", async () => {
  const client = await openClient(node.port);
  expect((await client.next("system:connected")).payload.user_id).toBeNull();
  expect((await client.request("room:join", { room: "channel:1" })).payload).toMatchObject({ code: "NOT_FOUND" });
  expect((await client.request("room:join", { room: "user:ann" })).payload).toMatchObject({ code: "UNAUTHORIZED" });
  client.close();
  expect(await handshake(closed.port)).toEqual(REFUSED);
});

test("CN-6 a connection is closed when its token ends", async () => {
  const client = await openClient(node.port, { query: `?token=${await mintToken("ann", { lifeMs: 300 })}` });
  expect(await client.end()).toBe(CLOSE.token_expired.code);
});

test("CN-2 a session that ends during the handshake is closed immediately", async () => {
  const token = await mintToken("ann", { sessionId: "short" });
  const { isCurrent } = node.authenticate;
  node.authenticate.isCurrent = () => false;
  const client = await openClient(node.port, { query: `?token=${token}` });
  expect(await client.end()).toBe(CLOSE.signed_out.code);
  node.authenticate.isCurrent = isCurrent;
});

test("a request that is no handshake gets an error that says so", async () => {
  const response = await fetch(`http://127.0.0.1:${node.port}/ws`);
  expect(response.status).toBe(400);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
});
