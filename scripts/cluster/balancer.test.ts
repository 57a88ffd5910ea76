import { afterAll, beforeEach, expect, test } from "bun:test";
import { freePort } from "../../tests/support/free-port.ts";
import { REMOTE_ADDRESS, sendFrom, testFromRemote } from "../../tests/support/remote-address.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { type Balancer, startBalancer } from "./balancer.ts";

/** HTTP servers that return their name; two of them can be not ready. */
const BIG = 4_000_000;
const ready = { a: true, b: true };
const servers = (["a", "b"] as const).map((name) =>
  Bun.serve({
    port: 0,
    fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname === "/ready") return new Response("", { status: ready[name] ? 200 : 503 });
      if (pathname === "/peer") return new Response(server.requestIP(request)?.address);
      return new Response(pathname === "/big" ? "x".repeat(BIG) : name);
    },
  }),
);
let balancer: Balancer;

beforeEach(() => Object.assign(ready, { a: true, b: true }));
afterAll(async () => {
  await balancer.close();
  for (const server of servers) await server.stop(true);
});

async function start(): Promise<void> {
  await balancer?.close();
  const dead = await freePort();
  const backends = [...servers.map(({ port }) => port!), dead].map((port) => ({
    port,
    ready: `http://127.0.0.1:${port}/ready`,
  }));
  balancer = await startBalancer("127.0.0.1", 0, backends);
}

const request = async (path = "/") => {
  const response = await fetch(`http://127.0.0.1:${balancer.port}${path}`, { headers: { connection: "close" } });
  return response.text();
};
const asked = async () => (await Promise.all(Array.from({ length: 8 }, () => request()))).sort().join("");

test("connections go to the ready ones round-robin, and none is lost to a missing one", async () => {
  await start();
  expect(await asked()).toBe("aaaabbbb");
  ready.a = false;
  await waitUntil("only the other is asked", async () => (await asked()) === "bbbbbbbb");
  ready.b = false;
  await waitUntil("the first is back", async () => {
    ready.a = true;
    return (await asked()) === "aaaaaaaa";
  });
});

testFromRemote("a node does not treat a client from elsewhere as one on this machine", async () => {
  await start();
  const fetchPeer = async (from: string) => (await sendFrom(balancer.port, "/peer", { from })).text;
  expect(await fetchPeer(REMOTE_ADDRESS)).toEndWith(REMOTE_ADDRESS);
  expect(await fetchPeer("127.0.0.1")).toEndWith("127.0.0.1");
});

test("when no backend is ready, they are tried all the same", async () => {
  Object.assign(ready, { a: false, b: false });
  await start();
  expect(await asked()).toMatch(/^[ab]{8}$/);
});

test("a long response arrives to its last byte, also when the server closes right after it", async () => {
  await start();
  expect((await request("/big")).length).toBe(BIG);
});
