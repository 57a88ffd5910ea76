import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { startTestServer } from "../support/postgres-server.ts";
import { chooseSeed, seeded } from "../support/seeded.ts";
import { isExplained } from "./explained.ts";
import { findMutations, type Mutation, mutate } from "./mutations.ts";

/**
 * `npm run mutants [-- COUNT [WORD]]`: puts COUNT single faults (60 by default) into a copy of the checkout, one after the other,
 * spread evenly over the areas below, and runs the tests that should notice. WORD narrows it to files whose path contains it.
 * SEED repeats a choice. Each area's tests must pass without a fault first: else nothing would be proven. Exit code 1 when a mutant survives that explained.ts does not explain.
 */
const AREAS: Record<string, string[]> = {
  "src/realtime": ["src/realtime", "tests/api/two-nodes", "tests/faults/hostile-frames"],
  "src/platform/log": ["src/platform/log", "src/realtime/hub", "src/realtime/repair", "tests/cluster/audit"],
  "src/chat": ["src/chat", "tests/api"],
  "src/identity": ["src/identity", "tests/api"],
  "src/server-api": ["src/server-api", "tests/grpc", "tests/api/service-scopes"],
  "src/bridges": ["src/bridges", "tests/api/redis-source"],
};
const RUN_MS = 600_000;

interface Mutant extends Mutation {
  area: string;
  file: string;
}

const [count = "60", word = ""] = process.argv.slice(2);
const copy = copyCheckout();
const server = await startTestServer();
const survivors: Mutant[] = [];
const sums = { killed: 0, "did not compile": 0, explained: 0, survived: 0 };
try {
  const mutants = choose(Number(count));
  for (const area of new Set(mutants.map((mutant) => mutant.area))) {
    const failed = await runTests(testsIn(area));
    if (failed !== null) throw new Error(`The tests of ${area} fail without any fault: ${failed}`);
  }
  for (const [n, mutant] of mutants.entries()) {
    const [verdict, by] = await judge(mutant);
    sums[verdict]++;
    if (verdict === "survived") survivors.push(mutant);
    console.log(`${n + 1} ${verdict}: ${mutant.file}:${mutant.line} ${mutant.kind}${by && `, by ${by}`}`);
  }
} finally {
  await server.stop();
  rmSync(copy, { recursive: true, force: true });
}
console.log(
  `\n${Object.entries(sums)
    .map(([verdict, n]) => `${n} ${verdict}`)
    .join(", ")}`,
);
for (const { file, line, kind, before, after } of survivors)
  console.log(`\n${file}:${line} ${kind}\n- ${before.trim()}\n+ ${after.trim()}`);
process.exit(survivors.length > 0 ? 1 : 0);

/** A folder with all files of the checkout, in which a fault does no harm. */
function copyCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), "usher-mutants-"));
  const listed = Bun.spawnSync([
    "git",
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
  ]).stdout.toString();
  for (const file of listed.split("\0").filter((name) => name !== "" && existsSync(name))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file));
  }
  for (const shared of ["node_modules", "web/build", ".cache"])
    if (existsSync(shared)) symlinkSync(resolve(shared), join(folder, shared));
  return folder;
}

/** The same number from each area, and as many files of it as there are. */
function choose(total: number): Mutant[] {
  const random = seeded(chooseSeed("mutants"));
  const areas = Object.keys(AREAS).map((area) => {
    const files = [...new Bun.Glob(`${area}/**/*.ts`).scanSync()].filter(
      (file) => !/\.test\.ts$|test-/.test(file) && file.includes(word),
    );
    return files.sort().map((file) => ({ area, file, mutations: findMutations(readFileSync(file, "utf8")) }));
  });
  const chosen: Mutant[] = [];
  for (let n = 0; chosen.length < total && areas.some((files) => files.length > 0); n = (n + 1) % areas.length) {
    const files = areas[n]!;
    if (files.length === 0) continue;
    const { area, file, mutations } = files[random.int(0, files.length - 1)]!;
    if (mutations.length === 0) {
      areas[n] = files.filter((one) => one.file !== file);
      continue;
    }
    const [mutation] = mutations.splice(random.int(0, mutations.length - 1), 1);
    chosen.push({ area, file, ...mutation! });
  }
  return chosen;
}

/** What became of a mutant, and the test that noticed. */
async function judge(mutant: Mutant): Promise<[keyof typeof sums, string]> {
  const source = readFileSync(mutant.file, "utf8");
  const place = join(copy, mutant.file);
  writeFileSync(place, mutate(source, mutant));
  try {
    if ((await run(["node_modules/.bin/tsc", "--noEmit", "-p", "."])).code !== 0) return ["did not compile", ""];
    const beside = testsIn(mutant.file.slice(0, -"ts".length));
    for (const files of [beside, testsIn(mutant.area).filter((file) => !beside.includes(file))]) {
      const failed = await runTests(files);
      if (failed !== null) return ["killed", failed];
    }
    return [isExplained(mutant) ? "explained" : "survived", ""];
  } finally {
    writeFileSync(place, source);
  }
}

/** The tests that should notice a fault in an area, or those whose path begins so. */
function testsIn(place: string): string[] {
  const begins = AREAS[place] ?? [place];
  return [...new Bun.Glob("{src,tests}/**/*.test.ts").scanSync()]
    .filter((file) => begins.some((begin) => file.startsWith(begin)))
    .sort();
}

/** Null when all pass, else the name of the first test that did not. */
async function runTests(files: string[]): Promise<string | null> {
  if (files.length === 0) return null;
  const options = ["--no-env-file", "test", "--timeout=60000", "--parallel=2", "--bail"];
  const { code, output } = await run([process.execPath, ...options, ...files.map((file) => `./${file}`)]);
  if (code === 0) return null;
  return /^\(fail\) (.*?)(?: \[[\d.]+ms\])?$/m.exec(output)?.[1] ?? `a run that ended with code ${code}`;
}

/** A run that does not end is killed, and so has a code that is not 0. */
async function run(command: string[]): Promise<{ code: number; output: string }> {
  const env = { ...process.env, USHER_TEST_POSTGRES: server.url };
  const child = Bun.spawn(command, { cwd: copy, env, stdio: ["ignore", "ignore", "pipe"], timeout: RUN_MS });
  const output = await new Response(child.stderr).text();
  return { code: await child.exited, output };
}
