import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { exampleServer } from "../../tests/support/example-server.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { createLogger } from "../platform/logger.ts";
import { createWebProcess } from "./web-process.ts";

/** A page process that returns what reached it, and calls the API in the name of its visitor. */
const PROGRAM = `
Bun.serve({
  unix: process.env.WEB_SOCKET,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/die") process.exit(3);
    if (pathname === "/hang") await new Promise(() => {});
    if (pathname === "/gone") return Response.redirect("/elsewhere", 302);
    if (pathname === "/packed") {
      return new Response(Bun.gzipSync("packed"), { headers: { "content-encoding": "gzip", "content-security-policy": "script-src 'nonce-1'" } });
    }
    if (pathname === "/stream") {
      return new Response(new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode("first "));
          await Bun.sleep(300);
          controller.enqueue(new TextEncoder().encode("second"));
          controller.close();
        },
      }));
    }
    if (pathname === "/asks") {
      const headers = { authorization: "Bearer root", "x-forwarded-for": request.headers.get("x-forwarded-for") };
      return fetch("http://api/api/v1/admin", { unix: process.env.USHER_API_SOCKET, headers });
    }
    return Response.json(
      { method: request.method, headers: Object.fromEntries(request.headers), body: await request.text(), secret: process.env.JWT_SECRET ?? null },
      { headers: { "set-cookie": "a=1", connection: "x-hop", "x-hop": "1" } },
    );
  },
});
console.log("listening");
`;

const FORM = { "content-type": "application/x-www-form-urlencoded" };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function site() {
  const folder = mkdtempSync(join(tmpdir(), "pages-"));
  writeFileSync(join(folder, "program.ts"), PROGRAM);
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger(
    { LOG_LEVEL: "info", LOG_FORMAT: "json" },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const web = createWebProcess({
    program: join(folder, "program.ts"),
    api: "",
    logger,
    backoff: { first: 20, max: 100 },
  });
  const server = await exampleServer({
    pages: web.socket,
    innerSocket: web.innerSocket,
    environment: { HTTP_WRITE_TIMEOUT: "1s" },
  });
  cleanups.push(
    () => rmSync(folder, { recursive: true }),
    () => server.close(),
    () => web.stop(),
  );
  return { web, server, lines };
}

test("a request reaches the page process with the visitor's request info, and the response comes back as it is", async () => {
  const { web, server } = await site();
  process.env.JWT_SECRET ??= "not for the pages";
  web.start();
  expect(await web.ready(5_000)).toBe(true);

  const response = await fetch(`${server.url}/some/page?x=1`, {
    method: "POST",
    body: "a=b",
    headers: {
      ...FORM,
      origin: server.url,
      cookie: "session=ann",
      "x-forwarded-for": "6.6.6.6",
      "x-real-ip": "6.6.6.6",
    },
  });
  const seen = await response.json();
  expect(seen).toMatchObject({
    method: "POST",
    body: "a=b",
    secret: null,
    headers: {
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": server.url.slice(7),
      cookie: "session=ann",
    },
  });
  expect(seen.headers["x-real-ip"]).toBeUndefined();
  expect(seen.headers["x-request-id"]).toBe(response.headers.get("x-request-id"));
  expect(response.headers.get("set-cookie")).toBe("a=1");
  expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");

  const packed = await fetch(`${server.url}/packed`, { decompress: false });
  expect(packed.headers.get("content-encoding")).toBe("gzip");
  expect(packed.headers.get("content-security-policy")).toBe("script-src 'nonce-1'");
  expect(new TextDecoder().decode(Bun.gunzipSync(new Uint8Array(await packed.arrayBuffer())))).toBe("packed");

  const moved = await fetch(`${server.url}/gone`, { redirect: "manual" });
  expect([moved.status, moved.headers.get("location")]).toEqual([302, "/elsewhere"]);

  const reader = (await fetch(`${server.url}/stream`)).body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("first ");
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("second");

  const asked = await fetch(`${server.url}/asks`);
  expect(await asked.json()).toEqual({ address: "127.0.0.1" });
}, 20_000);

test("a form from another site is refused before the pages see it", async () => {
  const { web, server } = await site();
  web.start();
  await web.ready(5_000);
  const form = (headers: Record<string, string>) =>
    fetch(server.url, { method: "POST", body: "a=b", headers: { ...FORM, ...headers } });
  expect((await form({ origin: "https://evil.example" })).status).toBe(403);
  expect((await form({ origin: "null" })).status).toBe(403);
  expect((await form({ cookie: "session=ann" })).status).toBe(403);
  expect((await form({ origin: server.url })).status).toBe(200);
  const big = { method: "POST", body: "x".repeat(1_100_000), headers: { ...FORM, origin: server.url } };
  expect((await fetch(server.url, big)).status).toBe(413);
}, 20_000);

test("while there is no page process the visitor reads a message; it is started again, and a hanging page gives up", async () => {
  const { web, server, lines } = await site();
  const before = await fetch(`${server.url}/`);
  expect([before.status, before.headers.get("refresh")]).toEqual([503, "2"]);
  expect(await before.text()).toBe("The pages are starting. This one loads again by itself in a moment.\n");

  web.start();
  await web.ready(5_000);
  const first = web.pid;
  expect((await fetch(`${server.url}/die`)).status).toBe(503);
  while (web.pid === null || web.pid === first) await Bun.sleep(10);
  expect(await web.ready(5_000)).toBe(true);
  expect((await fetch(`${server.url}/`)).status).toBe(200);
  expect(lines.find(({ msg }) => msg === "the page process ended and is started again")).toMatchObject({ code: 3 });
  expect((await fetch(`${server.url}/hang`)).status).toBe(503);
}, 20_000);

test("a page that its visitor aborted is no failure of ours: neither 503 nor a log line", async () => {
  const { web, server } = await site();
  web.start();
  await web.ready(5_000);
  const visit = new AbortController();
  const broken = fetch(`${server.url}/hang`, { signal: visit.signal }).catch(() => "aborted");
  await Bun.sleep(50);
  visit.abort();
  expect(await broken).toBe("aborted");
  const getStatus = (path: string) => server.lines.find((line) => line.path === path)?.status;
  await waitUntil("the page that was aborted is done", () => getStatus("/hang") ?? null);
  expect(getStatus("/hang")).toBe(499);
}, 20_000);

test("the page process ends with the process that started it, also when that is killed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pages-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "program.ts"), PROGRAM);
  writeFileSync(
    join(folder, "parent.ts"),
    `import { createWebProcess } from ${JSON.stringify(join(import.meta.dirname, "web-process.ts"))};
     import { createLogger } from ${JSON.stringify(join(import.meta.dirname, "../platform/logger.ts"))};
     const logger = createLogger({ LOG_LEVEL: "silent", LOG_FORMAT: "json" });
     const web = createWebProcess({ program: ${JSON.stringify(join(folder, "program.ts"))}, api: "", logger });
     web.start();
     await web.ready(5_000);
     console.log(JSON.stringify({ pid: web.pid, socket: web.socket }));`,
  );
  const parent = Bun.spawn([process.execPath, join(folder, "parent.ts")], { stdout: "pipe" });
  const { value } = await parent.stdout.getReader().read();
  const { pid, socket } = JSON.parse(new TextDecoder().decode(value));
  expect(alive(pid)).toBe(true);
  parent.kill("SIGKILL");
  while (alive(pid)) await Bun.sleep(20);
  expect(existsSync(dirname(socket))).toBe(false);
}, 20_000);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
