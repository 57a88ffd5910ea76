import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What prepare.mjs asks of npm, written down by one that installs nothing; the real one is tried by every fresh checkout. */
const folder = mkdtempSync(join(tmpdir(), "usher-prepare-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const platform = { x64: "x64", arm64: "aarch64" }[process.arch as "x64" | "arm64"];
const bun = `node_modules/@oven/bun-${process.platform}-${platform}/bin/bun`;
const asked = join(folder, "asked");

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

for (const name of ["prepare.mjs", "lock.mjs", "progress.mjs"]) {
  write(`scripts/${name}`, "");
  copyFileSync(join(import.meta.dirname, name), join(folder, "scripts", name));
}
const packages = {
  "": {},
  "node_modules/run": { version: "1.0.0" },
  "node_modules/tool": { version: "1.0.0", dev: true },
  "node_modules/types": { version: "1.0.0", devOptional: true },
};
write("package-lock.json", JSON.stringify({ packages }));
// With --omit=dev it leaves out what is only for development.
write(
  "npm.js",
  `const { writeFileSync, readFileSync, mkdirSync } = require("node:fs");
   writeFileSync(${JSON.stringify(asked)}, process.argv.slice(2).join(" "));
   const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
   delete packages[""];
   if (process.argv.includes("--omit=dev")) delete packages["node_modules/tool"];
   writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages }));
   for (const path of Object.keys(packages).filter(Boolean)) {
     mkdirSync(path, { recursive: true });
     writeFileSync(path + "/package.json", "{}");
   }`,
);
write(bun, "#!/bin/sh\nmkdir -p web/build\n");
chmodSync(join(folder, bun), 0o755);
for (const name of ["protocol", "sdk", "web"]) write(`${name}/a.ts`, "");

async function prepare(what: string) {
  writeFileSync(asked, "nothing");
  const child = Bun.spawn(["node", "scripts/prepare.mjs", what], {
    cwd: folder,
    env: { PATH: process.env.PATH, npm_execpath: join(folder, "npm.js") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, output] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect([await child.exited, out.trim()]).toEqual([0, bun]);
  return { asked: readFileSync(asked, "utf8"), said: output };
}

test("a start installs what runs; a test adds its tools without touching what is there; then nothing is asked", async () => {
  const started = await prepare("src/main.ts");
  expect(started.asked).toMatch(/^ci .*--omit=dev .*--ignore-scripts/);
  expect(started.said).toMatch(
    /^Installing packages \(once\) …\n.*done in \d+ s\nBuilding the pages …\n.*done in \d+ s\n$/s,
  );
  expect(await prepare("src/main.ts")).toEqual({ asked: "nothing", said: "" });

  expect((await prepare("scripts/check.ts")).asked).toMatch(/^install --no-save .*--include=dev .*--ignore-scripts/);
  expect((await prepare("scripts/check.ts")).asked).toBe("nothing");
  expect((await prepare("src/main.ts")).asked).toBe("nothing");
});

test("a package that npm has written down and not installed is missed", async () => {
  rmSync(join(folder, "node_modules/run"), { recursive: true });
  expect((await prepare("src/main.ts")).asked).toMatch(/^ci .*--omit=dev/);
  expect((await prepare("src/main.ts")).asked).toBe("nothing");
});

test("when a version has changed, all is installed again", async () => {
  packages["node_modules/run"].version = "1.0.1";
  write("package-lock.json", JSON.stringify({ packages }));
  expect((await prepare("src/main.ts")).asked).toMatch(/^ci .*--omit=dev/);
});

test("in a terminal how long it takes is shown on one line", async () => {
  let text = "";
  const program = `
    const { showProgress } = await import(${JSON.stringify(join(import.meta.dirname, "progress.mjs"))});
    const progress = showProgress("Doing it", () => "1 of 2");
    setTimeout(() => progress.end(true), 1_500);`;
  const child = Bun.spawn(["node", "--input-type=module", "--eval", program], {
    terminal: {
      cols: 80,
      rows: 5,
      data: (_: unknown, bytes: Uint8Array) => {
        text += new TextDecoder().decode(bytes);
      },
    },
  } as Parameters<typeof Bun.spawn>[1]);
  await child.exited;
  const shown = text.replaceAll("\u001b[K", "").split("\r").slice(1, -1);
  expect(shown.at(-1)).toMatch(/^Doing it: done in \d+ s$/);
  expect(shown.length).toBeGreaterThan(1);
  for (const line of shown.slice(0, -1)) expect(line).toMatch(/^Doing it: 1 of 2, \d+ s$/);
});
