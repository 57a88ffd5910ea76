import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findChromium } from "../tests/support/chromium.ts";
import { startTestServer } from "../tests/support/postgres-server.ts";
import { howToInstall } from "../tests/support/tools.ts";
import { noTally, runProgram, runTests, type Tally } from "./run-tests.ts";
import { readSkipped, type Skipped, skippedTable } from "./skipped-tests.ts";

/**
 * `npm test`: format, lint, types, then every test file, against one throw-away PostgreSQL. Arguments narrow it to the test
 * files whose path contains one of them: `npm test -- identity`. With --coverage it measures the unit tests instead.
 * The last line is the summary, and a table before it lists what was skipped and why; CI=1 makes a skipped test a failure.
 */
const filters = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const coverage = process.argv.includes("--coverage");
const strict = (process.env.CI ?? "") !== "" && process.env.CI !== "false";
const all = filters.length === 0 && !coverage;

const files = [...new Bun.Glob("{bench,db,protocol,scripts,sdk,src,tests,web}/**/*.test.{ts,tsx}").scanSync()]
  .filter((file) => !/(^|\/)(node_modules|build)\//.test(file))
  .filter((file) => filters.length === 0 || filters.some((word) => file.includes(word)))
  .sort();
const inFolder = (...folders: string[]) =>
  files.filter((file) => folders.some((folder) => file.startsWith(`tests/${folder}/`)));
const browser = inFolder("e2e");
/** These wait more than they work. */
const faults = inFolder("faults");
/** Each of these needs the whole machine. */
const heavy = inFolder("sim", "cluster");
const light = files.filter((file) => ![...browser, ...faults, ...heavy].includes(file));

const brief = all ? ["--only-failures"] : [];

const tallies: Tally[] = [];
const skipped: Skipped[] = [];
const notes = mkdtempSync(join(tmpdir(), "usher-skipped-"));
process.env.USHER_SKIPPED_TESTS = join(notes, "tests");
if (all) {
  tallies.push(await runProgram("Format and lint", ["node_modules/.bin/biome", "check"]));
  tallies.push(await runProgram("Types", ["node_modules/.bin/tsc", "--noEmit", "-p", "."]));
}

const server = await startTestServer();
process.env.USHER_TEST_POSTGRES = server.url;
try {
  if (coverage) {
    tallies.push(
      await runTests("Coverage", light, [
        "--isolate",
        "--coverage",
        "--coverage-reporter=text",
        "--coverage-reporter=lcov",
      ]),
    );
  } else {
    tallies.push(await runTests("Unit and integration tests", light, ["--parallel=2", ...brief]));
    tallies.push(await runTests("Fault tests", faults, ["--parallel=2", ...brief]));
    tallies.push(await runTests("Load tests", heavy, ["--isolate", ...brief]));
    tallies.push(await runBrowserTests());
  }
} finally {
  await server.stop();
  skipped.push(...readSkipped(process.env.USHER_SKIPPED_TESTS));
  rmSync(notes, { recursive: true });
}

const sum = tallies.reduce((a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
}));
if (filters.length > 0 && files.length === 0) console.error(`No test file's path contains ${filters.join(" or ")}.`);
if (sum.skipped > 0) {
  console.log(`\n${sum.skipped} skipped${strict ? ", which CI=1 counts as failed" : ""}`);
  console.log(skippedTable(skipped));
}
const failed = sum.failed + (strict ? sum.skipped : 0);
console.log(`${sum.passed} passed, ${failed} failed`);
process.exit(failed > 0 || sum.passed === 0 ? 1 : 0);

async function runBrowserTests(): Promise<Tally> {
  const chromium = findChromium();
  if (browser.length === 0 || chromium !== null) {
    process.env.CHROMIUM = chromium ?? "";
    return runTests("Tests in a browser", browser, ["--isolate", ...brief]);
  }
  const remedy = `${howToInstall(["chromium"])}; or set CHROMIUM to the program of a browser`;
  skipped.push({ count: browser.length, unit: "files", need: "chromium", remedy });
  return { ...noTally(), skipped: browser.length };
}
