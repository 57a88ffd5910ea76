import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { connect } from "node:net";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type NginxEngine, startNginx } from "../support/engines/nginx.ts";
import { openSse } from "../support/sse-client.ts";
import { type SseNode, startSseNode } from "../support/sse-node.ts";
import { findTool, testWith } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** A real nginx with the configuration of deploy/nginx.conf in front of real nodes. */
setDefaultTimeout(60_000);
const test = testWith("nginx");

const getPort = (url: string) => Number(new URL(url).port);

const register = (url: string, username: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url, ...headers },
    body: JSON.stringify({ email: `${username}@example.org`, username, password: "the password of all" }),
  });

let app: TestApp;
let node: SseNode;
let beforeApp: NginxEngine;
let beforeNode: NginxEngine;
beforeAll(async () => {
  if (findTool("nginx") === null) return;
  app = await startTestApp({ TRUSTED_PROXIES: "127.0.0.1/32" });
  expect((await register(app.url, "olga")).status).toBe(201);
  node = await startSseNode(300);
  beforeApp = await startNginx([getPort(app.url)]);
  beforeNode = await startNginx([getPort(node.url)]);
}, 60_000);
afterAll(async () => {
  await Promise.all([beforeApp?.close(), beforeNode?.close()]);
  await Promise.all([app?.close(), node?.stop()]);
});

test("a WebSocket goes through, and Usher knows the visitor's own address and host", async () => {
  const client = await openClient(beforeApp.port);
  await client.next("system:connected");
  expect(await client.request("room:join", { room: "event:1" })).toMatchObject({ type: "room:joined" });
  client.close();

  // nginx sends 127.0.0.1, which Usher trusts as a proxy, so the address before it counts.
  const response = await register(beforeApp.url, "ann", { "x-forwarded-for": "203.0.113.7" });
  expect(response.status).toBe(201);
  const { access_token } = (await response.json()) as { access_token: string };
  const [session] = (await (
    await fetch(`${beforeApp.url}/api/v1/auth/sessions`, { headers: { authorization: `Bearer ${access_token}` } })
  ).json()) as { ip: string }[];
  expect(session?.ip).toBe("203.0.113.7");
});

test("through nginx the first account takes the set-up code, but for a person on this machine where nginx is trusted", async () => {
  for (const trusted of ["", "127.0.0.1"]) {
    const fresh = await startTestApp({ TRUSTED_PROXIES: trusted });
    const nginx = await startNginx([getPort(fresh.url)]);
    try {
      const refused = await register(nginx.url, "ann", { "x-forwarded-for": "203.0.113.7" });
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([403, "setup_code_needed"]);
      expect((await register(nginx.url, "ann")).status).toBe(trusted === "" ? 403 : 201);
    } finally {
      await nginx.close();
      await fresh.close();
    }
  }
});

test("each server-sent event passes immediately, and so do the keep-alive comments", async () => {
  const client = await openSse(`${beforeNode.url}/api/v1/stream?rooms=event:1`);
  await client.first("system:resumed");
  await node.say("event:1", "short");
  expect(await client.first("message:created")).toMatchObject({ seq: 1 });
  await waitUntil("two comments came", () => client.comments >= 2);
  client.close();
  await waitUntil("the node knows that it has gone", () => node.hub.counts().connections === 0);
});

test("a draining node's streams go to the next one, and a dead node is skipped", async () => {
  const leaving = await startSseNode(300);
  const nginx = await startNginx([getPort(leaving.url), getPort(node.url)]);
  const sixTimes = async () => {
    for (let n = 0; n < 6; n++) {
      const client = await openSse(`${nginx.url}/api/v1/stream?rooms=event:1`);
      await client.first("system:resumed");
      client.close();
    }
  };
  try {
    await leaving.hub.drain(100);
    await sixTimes();
  } finally {
    await leaving.stop();
  }
  await sixTimes();
  await nginx.close();
});

test("a reader that lags is closed by Usher: nginx buffers nothing for it", async () => {
  const before = node.hub.counts().connections;
  const slow = connect(beforeNode.port, "127.0.0.1");
  slow.on("error", () => {});
  slow.write("GET /api/v1/stream?rooms=event:slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  slow.pause();
  await waitUntil("it is in", () => node.hub.counts().rooms.event === 1);
  const long = Array.from({ length: 10 }, () => "x".repeat(100_000));
  for (let sent = 0; node.hub.counts().connections > before; sent += 10) {
    await node.say("event:slow", ...long);
    expect(sent).toBeLessThan(400);
  }
  slow.destroy();
});
