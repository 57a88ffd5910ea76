import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { KEEP_ALIVE_SECONDS } from "../../src/transport/http/http-server.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type NginxEngine, startNginx } from "../support/engines/nginx.ts";
import { findTool, testWith } from "../support/tools.ts";

/** Who ends an idle connection first: the balancer, never Usher. */
setDefaultTimeout(60_000);
const test = testWith("nginx");

/** Limits of requests so short that, were they those of idle connections too, these would end after seven seconds. */
const SHORT = { HTTP_READ_TIMEOUT: "1s", HTTP_WRITE_TIMEOUT: "1s" };
const LONGER_MS = 13_000;
/** How long nginx holds an idle connection in the test of its end. */
const KEPT_MS = 2_000;

let app: TestApp;
let nginx: NginxEngine;
let brief: NginxEngine;
beforeAll(async () => {
  if (findTool("nginx") === null) return;
  app = await startTestApp(SHORT);
  const port = Number(new URL(app.url).port);
  nginx = await startNginx([port]);
  brief = await startNginx([port], [], (site) => {
    expect(site.split("keepalive_timeout 60s;")).toHaveLength(2);
    return site.replace("keepalive_timeout 60s;", `keepalive_timeout ${KEPT_MS}ms;`);
  });
}, 60_000);
afterAll(async () => {
  await Promise.all([nginx?.close(), brief?.close()]);
  await app?.close();
});

/** A POST to which Usher itself responds: 401. */
async function post(url: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/auth/logout`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
    keepalive: false,
  });
  await response.text();
  return response.status;
}

test("a connection that is idle for longer than any limit of a request serves the next one", async () => {
  const socket = connect(Number(new URL(app.url).port), "127.0.0.1");
  let text = "";
  let ended = false;
  socket.on("data", (bytes) => {
    text += bytes;
  });
  socket.on("close", () => {
    ended = true;
  });
  const health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  socket.write(health);
  const first = await post(nginx.url);
  await Bun.sleep(LONGER_MS);
  expect(ended).toBe(false);
  socket.write(health);
  expect(await post(nginx.url)).toBe(first);
  await Bun.sleep(500);
  expect(text.split("HTTP/1.1 200")).toHaveLength(3);
  socket.destroy();
});

test("POSTs in the moments in which nginx ends its idle connections all reach Usher", async () => {
  const few = Array.from({ length: 8 }, (_, n) => n);
  const expected = await post(app.url);
  await Promise.all(few.map(() => post(brief.url)));
  const statuses = few.map(async (n) => {
    const seen: number[] = [];
    for (let round = 0; round < 4; round++) {
      await Bun.sleep(KEPT_MS - 20 + n * 5);
      seen.push(await post(brief.url));
    }
    return seen;
  });
  expect(new Set((await Promise.all(statuses)).flat())).toEqual(new Set([expected]));
  expect(brief.errors()).not.toContain("upstream");
});

test("the example keeps idle connections for a shorter time than Usher does", () => {
  const example = readFileSync(join(import.meta.dirname, "../../deploy/nginx.conf"), "utf8");
  const theirs = Number(/keepalive_timeout (\d+)s;/.exec(example)?.[1]);
  expect(theirs).toBeGreaterThan(0);
  expect(KEEP_ALIVE_SECONDS).toBeGreaterThanOrEqual(theirs + 15);
});
