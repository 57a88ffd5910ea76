import { watch } from "node:fs";
import { readConfig } from "../src/config/read.ts";
import { exitWith } from "../src/config/start-error.ts";
import { waitForSignal } from "../src/platform/lifecycle.ts";
import { startDatabase } from "../src/platform/postgres/database-server.ts";

/**
 * `npm run dev`: the server, started again after each change under src/ and protocol/; the pages, built again after each
 * change under web/, sdk/ and protocol/. The embedded database runs through.
 */
const SERVER = ["src", "protocol", "db"];
const PAGES = ["web", "sdk", "protocol"];
const QUIET_MS = 150;

let server: Bun.Subprocess | null = null;
let pagesChanged = false;
let settled: Timer | undefined;
let working: Promise<void> = Promise.resolve();

try {
  const signal = waitForSignal();
  const database = await startDatabase(readConfig(), () => {});
  const launch = () =>
    Bun.spawn([process.execPath, "--no-env-file", "src/main.ts"], {
      env: { LOG_FORMAT: "pretty", ...process.env, DATABASE_URL: database.url },
      stdio: ["ignore", "inherit", "inherit"],
    });
  const stopServer = async () => {
    server?.kill("SIGTERM");
    await server?.exited;
  };
  const reload = async () => {
    if (pagesChanged && (await buildPages()) !== 0) return;
    pagesChanged = false;
    await stopServer();
    server = launch();
  };
  for (const folder of new Set([...SERVER, ...PAGES])) {
    watch(folder, { recursive: true }, (_event, file) => {
      if (file === null || /(^|\/)(build|\.[^/]+)(\/|$)|\.test\.tsx?$|~$/.test(file)) return;
      pagesChanged ||= PAGES.includes(folder);
      clearTimeout(settled);
      settled = setTimeout(() => {
        console.log(`\n${folder}/${file} changed.`);
        working = working.then(reload);
      }, QUIET_MS);
    });
  }
  server = launch();
  await signal;
  await stopServer();
  await database.stop();
  process.exit(0);
} catch (error) {
  exitWith(error);
}

function buildPages(): Promise<number> {
  return Bun.spawn(["node", "scripts/prepare.mjs"], { stdio: ["ignore", "ignore", "inherit"] }).exited;
}
