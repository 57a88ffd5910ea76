import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { helpText } from "../../src/config/describe.ts";
import { freePort } from "../support/free-port.ts";
import { waitUntil } from "../support/wait-until.ts";

/** The program as a person starts it: what it prints, and what it leaves. */
const ROOT = join(import.meta.dirname, "../..");
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "usher-start-"));
  chmodSync(made, 0o755);
  cleanups.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function run(environment: Record<string, string>, ...flags: string[]) {
  const port = await freePort();
  const dataDir = environment.DATA_DIR ?? folder();
  const child = Bun.spawn([process.execPath, "--no-env-file", ...flags, join(ROOT, "src/main.ts")], {
    cwd: dataDir,
    env: {
      PATH: process.env.PATH,
      HTTP_PORT: String(port),
      METRICS_PORT: "0",
      GRPC_PORT: "0",
      DATA_DIR: dataDir,
      ...environment,
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  cleanups.push(() => child.kill("SIGKILL"));
  return {
    child,
    dataDir,
    port,
    stderr: new Response(child.stderr).text(),
    ready: () => waitUntil("the server is ready", async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok),
  };
}

/** The embedded server accepts no connections any more, because its process has ended. */
async function expectNoServer(dataDir: string): Promise<void> {
  expect(await Bun.file(join(dataDir, "postgres/postmaster.pid")).exists()).toBe(false);
}

describe("a start that cannot be", () => {
  test("a port that is taken: a sentence, exit code 1, and the database is stopped again", async () => {
    const stranger = Bun.serve({ port: 0, fetch: () => new Response() });
    cleanups.push(() => stranger.stop(true));
    const { child, stderr, dataDir } = await run({ HTTP_PORT: String(stranger.port) });
    expect(await child.exited).toBe(1);
    expect(await stderr).toMatch(new RegExp(`^Port ${stranger.port} is .*HTTP_PORT.*\\n$`));
    await expectNoServer(dataDir);
  });

  test("a port of gRPC that is taken: this sentence alone", async () => {
    const stranger = Bun.serve({ port: 0, fetch: () => new Response() });
    cleanups.push(() => stranger.stop(true));
    const { child, stderr, dataDir } = await run({ GRPC_PORT: String(stranger.port) });
    expect(await child.exited).toBe(1);
    expect(await stderr).toBe(
      `gRPC cannot listen on 127.0.0.1:${stranger.port}. Another program does: stop it, or choose another port by GRPC_PORT.\n`,
    );
    await expectNoServer(dataDir);
  });

  test("settings that cannot be meant: one sentence each", async () => {
    const { child, stderr } = await run({ HTTP_PORT: "http", LOG_LEVLE: "info", JWT_SECRET: "your-jwt-secret" });
    expect(await child.exited).toBe(1);
    expect((await stderr).trim().split("\n")).toEqual([
      "The environment sets LOG_LEVLE. Did you mean LOG_LEVEL? Otherwise unset it.",
      'HTTP_PORT must be a whole number from 0 to 65535, not "http".',
      "JWT_SECRET is the placeholder of an example. Make one of your own with: openssl rand -hex 32.",
    ]);
  });

  test("an unknown name in .env", async () => {
    const dataDir = folder();
    writeFileSync(join(dataDir, ".env"), "COLOUR=blue\n");
    const { child, stderr } = await run({ DATA_DIR: dataDir });
    expect(await child.exited).toBe(1);
    expect(await stderr).toBe("Line 1 of .env sets COLOUR, which Usher does not know.\n");
  });

  test("a data folder that another Usher uses", async () => {
    const first = await run({});
    await first.ready();
    const second = await run({ DATA_DIR: first.dataDir });
    expect(await second.child.exited).toBe(1);
    expect(await second.stderr).toStartWith(
      `Another Usher is running on this data folder (process ${first.child.pid};`,
    );
    expect((await fetch(`http://127.0.0.1:${first.port}/ready`)).status).toBe(200);
    first.child.kill("SIGTERM");
    expect(await first.child.exited).toBe(0);
  });
});

describe("a stop", () => {
  test("SIGTERM: exit code 0, and no server is left; the data folder holds the database and nothing else", async () => {
    const { child, dataDir, ready } = await run({});
    await ready();
    expect(readdirSync(dataDir).sort()).toEqual(["postgres", "usher.lock"]);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    await expectNoServer(dataDir);
  });

  test("Ctrl+C that comes twice, as under npm, is one stop", async () => {
    const { child, dataDir, ready } = await run({});
    await ready();
    child.kill("SIGINT");
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
    await expectNoServer(dataDir);
  });

  test("a signal in the middle of the start stops it as soon as it has started", async () => {
    const { child, dataDir } = await run({});
    await waitUntil("the database's folder is there", () => Bun.file(join(dataDir, "usher.lock")).exists());
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    await expectNoServer(dataDir);
  });
});

describe("an uncaught error", () => {
  const defects = {
    "a rejection": 'void Promise.reject(new Error("planted"))',
    "an exception": 'setTimeout(() => { throw new Error("planted"); })',
  };
  for (const [what, defect] of Object.entries(defects)) {
    test(`${what} is logged; the program stops in order, with exit code 1`, async () => {
      const planted = join(folder(), "planted.ts");
      writeFileSync(planted, `process.on("SIGUSR2", () => { ${defect}; });`);
      const { child, dataDir, ready } = await run({}, "--preload", planted);
      const printed = new Response(child.stdout).text();
      await ready();
      child.kill("SIGUSR2");
      expect(await child.exited).toBe(1);
      const lines = (await printed)
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(lines).toContainEqual(
        expect.objectContaining({ level: "fatal", err: expect.objectContaining({ message: "planted" }) }),
      );
      await expectNoServer(dataDir);
    });
  }
});

test("an old Node.js gets an error that says so", async () => {
  const old = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.20.4"})';
  const child = Bun.spawn(["node", "--import", old, join(ROOT, "scripts/prepare.mjs"), "src/main.ts"], {
    cwd: ROOT,
    stderr: "pipe",
  });
  expect(await new Response(child.stderr).text()).toBe(
    "Usher needs Node.js 20 or newer; this is 18.20.4. Get a newer one from https://nodejs.org.\n",
  );
  expect(await child.exited).toBe(1);
});

test("--help is printed, and an unknown argument named, before anything is installed or started", async () => {
  const checkout = folder();
  for (const path of ["package.json", "scripts/usher.sh", "scripts/prepare.mjs", "src/config/help.txt"]) {
    mkdirSync(dirname(join(checkout, path)), { recursive: true });
    copyFileSync(join(ROOT, path), join(checkout, path));
  }
  const before = readdirSync(checkout);
  const started = async (argument: string) => {
    const child = Bun.spawn(["npm", "start", "--silent", "--", argument], {
      cwd: checkout,
      env: { PATH: process.env.PATH, HOME: checkout },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { out, err, code: await child.exited };
  };
  for (const argument of ["--help", "-h"])
    expect(await started(argument)).toEqual({ out: helpText(), err: "", code: 0 });
  const { err, code } = await started("--port=3103");
  expect(err).toContain('no argument "--port=3103"');
  expect(err).toContain("npm start -- --help");
  expect(code).toBe(1);
  expect(readdirSync(checkout).filter((name) => name !== ".npm")).toEqual(before);
});
