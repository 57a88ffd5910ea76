import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startTestApp, type TestApp } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { STUB_TOOLS } from "../support/grpc-stubs.ts";
import { findTool, testWith } from "../support/tools.ts";

/** The commands that the documents print, each pasted into a new shell, one after the other, in one folder. */
setDefaultTimeout(60_000);
const BUILD_MS = 300_000; // the first time, Go compiles its libraries
const ROOT = join(import.meta.dirname, "../..");
const CALLERS = "examples/callers/README.md";
const DOCUMENTS = ["docs/server-api.md", "docs/webhooks.md", "docs/operating.md", "README.md", CALLERS];

/** Blocks that are not run here, by how they begin, and why. */
const NOT_RUN: [start: string, reason: string][] = [
  ["npm ", "starts, tests or measures all of Usher"],
  ["DATABASE_URL=", "names an example's PostgreSQL; migrate.test.ts runs it"],
  ["export DATABASE_URL=", "names an example's PostgreSQL and Redis"],
  ["CREATE ROLE", "SQL of a superuser; external-postgres.test.ts runs it"],
  ["REDIS_URL=", "settings, not a command"],
  ["const ", "a program for a browser; origin.test.ts has the same request"],
  ["curl -X POST $USHER/api/v1/admin/nodes/0/drain", "sends all connections away; drain.test.ts does it"],
  ["data: ", "a response"],
  ['{"type"', "the body of a webhook"],
  ["buf ", "definition.test.ts runs buf"],
  ["redis-cli", "redis-source.test.ts publishes so"],
  ["POST /usher", "what Usher posts"],
  ["cd examples/callers/java", "Maven fetches its own plug-ins"],
];
/** Lines that fetch packages from a registry: what they bring is there already. */
const FETCHES = /^(python3 -m venv|npm install) .*\n/gm;
/** These run until they are ended. */
const STREAMS = /curl -sN|RealtimeService\/Subscribe/;

const folder = mkdtempSync(join(tmpdir(), "usher-documents-"));
let app: TestApp;
let grpcPort = 0;
beforeAll(async () => {
  grpcPort = await freePort();
  app = await startTestApp({ GRPC_HOST: "127.0.0.1", GRPC_PORT: String(grpcPort) });
}, 60_000);
afterAll(async () => {
  await app?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Blocks that are indented by four, without that. */
function findBlocks(document: string): string[] {
  const paragraphs = readFileSync(join(ROOT, document), "utf8")
    .replace(/```[\s\S]*?```/g, "")
    .split(/\n{2,}/);
  return paragraphs
    .filter((text) => text.split("\n").every((line) => line.startsWith("    ")))
    .map((text) => text.replace(/^ {4}/gm, "").trim());
}

/** A folder as a clone has it for the examples, with what their commands would have fetched. */
function prepareExamples(): void {
  cpSync(join(ROOT, "examples/callers"), join(folder, "examples/callers"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const script = (path: string, command: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  };
  const python = findTool("python-grpc");
  script("examples/callers/python/.cache/bin/python", `${python}`);
  script("bin/protoc", `${python} -m grpc_tools.protoc -I.`); // protoc itself searches this folder by default
}

async function paste(block: string): Promise<{ out: string; err: string; code: number }> {
  const here = block
    .replace(FETCHES, "")
    .replaceAll("localhost:3003", new URL(app.url).host)
    .replaceAll("localhost:50057", `127.0.0.1:${grpcPort}`);
  const tools = dirname(findTool("grpcurl")!);
  const child = Bun.spawn(["sh", "-c", here], {
    cwd: folder,
    env: {
      PATH: `${join(folder, "bin")}:${tools}:${process.env.PATH}:/usr/local/go/bin`,
      HOME: folder,
      // Go's libraries, as the tests of the callers compile them.
      GOPATH: process.env.GOPATH ?? join(homedir(), "go"),
      GOCACHE: process.env.GOCACHE ?? join(homedir(), ".cache/go-build"),
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const timer = STREAMS.test(block) ? setTimeout(() => process.kill(-child.pid, "SIGTERM"), 3_000) : undefined;
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  clearTimeout(timer);
  return { out, err, code: await child.exited };
}

for (const document of DOCUMENTS) {
  testWith(
    "curl",
    "jq",
    "grpcurl",
    ...(document === CALLERS ? STUB_TOOLS : []),
  )(
    `each block of ${document} works when it is pasted into a new terminal`,
    async () => {
      if (document === CALLERS) prepareExamples();
      const blocks = findBlocks(document).filter(
        (block) => !NOT_RUN.some(([start]) => block.replace(". .cache/example.env\n", "").startsWith(start)),
      );
      for (const block of blocks) {
        const { out, err, code } = await paste(block);
        const details = `${block}\n${out}${err}`;
        expect(out, details).not.toBe("");
        expect(out + err, details).not.toMatch(/"code":|Code: |"status":[45]\d\d|not found|=null\b|Bearer null/);
        if (!STREAMS.test(block)) expect(code, details).toBe(0);
      }
      if (document === DOCUMENTS[0]) expect(blocks.length).toBeGreaterThan(8);
      if (document === CALLERS) expect(blocks.length).toBe(3);
    },
    BUILD_MS,
  );
}

testWith()("every document with commands is among those that are run", () => {
  const others = readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
    .filter((name) => !DOCUMENTS.includes(name));
  for (const name of others)
    expect(
      findBlocks(name).filter((block) => /^(\$ |curl|npm|grpcurl|export) ?/.test(block)),
      name,
    ).toEqual([]);
});
