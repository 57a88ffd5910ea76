import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { freePort } from "../tests/support/free-port.ts";
import type { RunningServer } from "./servers.ts";

const SECRET = "a-secret-of-the-bench-that-is-long-enough";
const ISSUER = "https://bench.example";

export interface UsherServer extends RunningServer {
  url: string;
  /** Seconds from the start of the process to the first 200 of /ready. */
  readyAfter: number;
  /** Makes `count` people who are members of `channels` new public channels; returns the target to load. */
  populate(count: number, channels: number): Promise<People>;
}
/** A target whose tokens and rooms are there. */
export type People = RunningServer["target"] & { tokens: string[]; rooms: string[] };

/** Usher as a person would run it: its own program, embedded PostgreSQL with fsync, in an empty folder. `env` adds options, `flags` those of Bun. */
export async function startUsher(
  env: Record<string, string> = {},
  dataDir = mkdtempSync(join(tmpdir(), "usher-bench-")),
  flags: string[] = [],
): Promise<UsherServer> {
  const port = await freePort();
  const began = performance.now();
  const child = Bun.spawn([process.execPath, "--no-env-file", ...flags, join(import.meta.dir, "../src/main.ts")], {
    stdout: "ignore",
    stderr: "inherit",
    env: {
      PATH: process.env.PATH,
      DATA_DIR: dataDir,
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: String(port),
      METRICS_PORT: String(await freePort()),
      GRPC_PORT: "0",
      JWT_SECRET: SECRET,
      JWT_ISSUER: ISSUER,
      LOG_LEVEL: "warn",
      // The load comes from one address, and from a few very busy writers.
      HTTP_RATE_LIMIT: "100000000",
      WS_RATE_LIMIT: "1000000",
      ...env,
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const ready = async () => (await fetch(`${url}/ready`).catch(() => null))?.status === 200;
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`Usher ended with ${child.exitCode} before it was ready`);
    await Bun.sleep(20);
  }
  const readyAfter = (performance.now() - began) / 1000;
  return {
    name: "Usher",
    pids: [child.pid],
    url,
    readyAfter,
    target: { dialect: "usher", host: "127.0.0.1", ports: [port] },
    populate: (count, channels) => populate(url, port, count, channels),
    stop: async () => {
      child.kill("SIGTERM");
      await child.exited;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

const key = new TextEncoder().encode(SECRET);

export function mintToken(subject: string): Promise<string> {
  return new SignJWT({ email: `${subject}@bench.example` })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setIssuer(ISSUER)
    .setIssuedAt()
    .setExpirationTime("6h")
    .sign(key);
}

async function call(url: string, method: string, token: string, body?: unknown) {
  const response = await fetch(url, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 503) {
    await Bun.sleep(1_000);
    return call(url, method, token, body);
  }
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? null : response.json();
}

let populated = 0;

async function populate(url: string, port: number, count: number, channels: number): Promise<People> {
  const group = populated++;
  const tokens = await Promise.all(Array.from({ length: count }, (_, n) => mintToken(`bench-${group}-${n}`)));
  const ids: string[] = [];
  for (let n = 0; n < channels; n++) {
    const channel = await call(`${url}/api/v1/channels`, "POST", tokens[0]!, {
      type: "public",
      name: `Bench ${group} ${n}`,
    });
    ids.push(channel.id);
  }
  let next = 1;
  const join = async () => {
    while (next < count) {
      const token = tokens[next++]!;
      for (const id of ids) await call(`${url}/api/v1/channels/${id}/members/me`, "PUT", token, {});
    }
  };
  await Promise.all(Array.from({ length: 128 }, join));
  return { dialect: "usher", host: "127.0.0.1", ports: [port], tokens, rooms: ids.map((id) => `channel:${id}`) };
}
