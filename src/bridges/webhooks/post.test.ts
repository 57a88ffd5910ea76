import { afterAll, expect, test } from "bun:test";
import { createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { certificateFor } from "../../../tests/support/certificate.ts";
import { createPost } from "./post.ts";
import type { Resolve } from "./public-address.ts";

const { key, cert } = certificateFor("hooks.example");
const privateServer = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  tls: { key, cert },
  fetch: (request) => new Response(request.url),
});
const neverAborted = new AbortController().signal;
afterAll(() => privateServer.stop(true));

/** Returns one address after the other, and counts. */
function createDns(...addresses: string[]): { resolve: Resolve; lookups: () => number } {
  let n = 0;
  return {
    resolve: async () => [{ address: addresses[Math.min(n++, addresses.length - 1)]!, family: 4 }],
    lookups: () => n,
  };
}

test("a name whose address changes after a check is refused: the checked address is the one that is connected to", async () => {
  const dns = createDns("93.184.216.34", "127.0.0.1");
  // As when an endpoint is created, while the name still has a public address.
  expect(await dns.resolve("hooks.example")).toEqual([{ address: "93.184.216.34", family: 4 }]);
  const post = createPost({ allowPrivate: false, resolve: dns.resolve, ca: cert });
  const response = await post(`https://hooks.example:${privateServer.port}/`, {}, "{}", neverAborted);
  expect(response).toMatchObject({ outcome: "not_public", status: null });
  expect(response.error).toContain("hooks.example leads to 127.0.0.1");
  expect(dns.lookups()).toBe(2);
});

test("the name is resolved once and the connection goes to that address; Host and certificate are those of the name", async () => {
  let lookups = 0;
  // The check sees a public address; the connection gets the one of this machine from the same DNS response.
  const resolve: Resolve = async () => {
    lookups++;
    let reads = 0;
    const response = {
      family: 4,
      get address() {
        return reads++ === 0 ? "93.184.216.34" : "127.0.0.1";
      },
    };
    return [response];
  };
  const post = createPost({ allowPrivate: false, resolve, ca: cert });
  const response = await post(`https://hooks.example:${privateServer.port}/a?b=1`, {}, "{}", neverAborted);
  expect(response).toMatchObject({
    outcome: "delivered",
    status: 200,
    preview: `https://hooks.example:${privateServer.port}/a?b=1`,
  });
  expect(lookups).toBe(1);
  const other = await post(`https://other.example:${privateServer.port}/`, {}, "{}", neverAborted);
  expect([other.outcome, other.error]).toEqual([
    "unreachable",
    expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID"),
  ]);
});

test("http, and internal addresses, are refused before any look-up", async () => {
  const dns = createDns("93.184.216.34");
  const post = createPost({ allowPrivate: false, resolve: dns.resolve, ca: cert });
  for (const url of [
    `http://hooks.example/`,
    `https://127.0.0.1:${privateServer.port}/`,
    `https://[::1]:${privateServer.port}/`,
  ]) {
    expect(await post(url, {}, "{}", neverAborted)).toMatchObject({ outcome: "not_public", status: null });
  }
  expect(dns.lookups()).toBe(0);
  const open = createPost({ allowPrivate: true, ca: cert });
  expect(await open(`https://localhost:${privateServer.port}/`, {}, "{}", neverAborted)).toMatchObject({
    outcome: "unreachable",
  });
});

test("silence and a slow response end with the timeout, a stop ends at once", async () => {
  const sockets = new Set<{ destroy(): void }>();
  let greeting = "";
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    if (greeting) socket.write(greeting);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const { port } = silent.address() as { port: number };
  const post = createPost({ allowPrivate: true, timeoutMs: 100 });
  const url = `http://127.0.0.1:${port}/`;
  expect(await post(url, {}, "{}", neverAborted)).toMatchObject({
    outcome: "timeout",
    error: "There was no response within 0.1 s.",
  });
  greeting = "HTTP/1.1 200 OK\r\n\r\nand then";
  expect(await post(url, {}, "{}", neverAborted)).toMatchObject({
    outcome: "delivered",
    status: 200,
    preview: "and then",
  });
  greeting = "";
  const stop = new AbortController();
  const response = createPost({ allowPrivate: true })(url, {}, "{}", stop.signal);
  stop.abort();
  expect(await response).toMatchObject({ outcome: "stopped" });
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test("posts to one receiver share a connection, which is replaced and checked again after a while", async () => {
  const connections = new Set<object>();
  const counted = createTlsServer({ key, cert }, (socket) => {
    connections.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => counted.once("listening", resolve));
  const url = `https://hooks.example:${(counted.address() as { port: number }).port}/`;
  let lookups = 0;
  // Checked as public, but connected to this machine.
  const resolve: Resolve = async () => {
    lookups++;
    let reads = 0;
    return [
      {
        family: 4,
        get address() {
          return reads++ === 0 ? "93.184.216.34" : "127.0.0.1";
        },
      },
    ];
  };
  const post = createPost({ allowPrivate: false, resolve, ca: cert });
  for (let n = 0; n < 5; n++)
    expect(await post(url, {}, "{}", neverAborted)).toMatchObject({ outcome: "delivered", preview: "ok" });
  expect([connections.size, lookups]).toEqual([1, 1]);
  const hasty = createPost({ allowPrivate: false, resolve, ca: cert, connectionMaxAgeMs: -1 });
  for (let n = 0; n < 3; n++) expect(await hasty(url, {}, "{}", neverAborted)).toMatchObject({ outcome: "delivered" });
  expect([connections.size, lookups]).toEqual([4, 4]);
  counted.close();
});

test("an open connection that the receiver has closed costs no attempt, and a new one that breaks is a failure", async () => {
  let breaks = "second";
  let posts = 0;
  const moody = createServer((socket) => {
    let served = 0;
    socket.on("error", () => {});
    socket.on("data", () => {
      posts++;
      if (breaks === "all" || served++ > 0) socket.resetAndDestroy();
      else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => moody.once("listening", resolve));
  const url = `http://127.0.0.1:${(moody.address() as { port: number }).port}/`;
  const post = createPost({ allowPrivate: true });
  for (let n = 0; n < 3; n++) expect(await post(url, {}, "{}", neverAborted)).toMatchObject({ outcome: "delivered" });
  breaks = "all";
  posts = 0;
  expect(await createPost({ allowPrivate: true })(url, {}, "{}", neverAborted)).toMatchObject({
    outcome: "unreachable",
  });
  expect(posts).toBe(1);
  moody.close();
});
