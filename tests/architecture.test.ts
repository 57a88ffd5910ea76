import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

/**
 * Holds the code to docs/architecture.md: who may import whom (its table), no cycles, Bun only where it is allowed,
 * and no folder or file with a meaningless name. And the documents to the code: they name only files that exist.
 */
const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["protocol", "src", "sdk", "web", "scripts", "tests", "bench"];

/** Where Bun's own API may be used. All other code must run on another runtime, too. */
const BUN_MAY_BE_IN = [
  "src/transport/",
  "src/platform/password.ts",
  "src/platform/postgres/folder-lock.ts",
  "web/server.ts",
  "web/build.ts",
  "web/vite.config.ts",
  "scripts/",
  "tests/",
  "bench/",
];

interface Import {
  target: string;
  typeOnly: boolean;
}

/** Paths from the root with their text. */
type Sources = Map<string, string>;

interface Rule {
  folder: string;
  /** Null: everything. */
  targets: { path: string; typesOnly: boolean }[] | null;
}

function readSources(): Sources {
  const sources: Sources = new Map();
  const visit = (folder: string) => {
    for (const name of readdirSync(folder)) {
      if (["node_modules", "build", ".react-router"].includes(name)) continue;
      const path = join(folder, name);
      if (statSync(path).isDirectory()) visit(path);
      else if (/\.tsx?$/.test(name)) sources.set(relative(ROOT, path), readFileSync(path, "utf8"));
    }
  };
  for (const folder of FOLDERS) visit(join(ROOT, folder));
  return sources;
}

/** The rows of the table in docs/architecture.md. */
function readRules(markdown: string): Rule[] {
  const table = /^\| folder \| may import \|\n\|[ -|]+\|\n((?:\|.*\|\n)+)/m.exec(markdown)?.[1];
  if (table === undefined) throw new Error("docs/architecture.md has no table `| folder | may import |`");
  return table
    .trim()
    .split("\n")
    .flatMap((row) => {
      const [, folders = "", may = ""] = row.split("|");
      const targets = may.trim() === "everything" ? null : pathsIn(may);
      return pathsIn(folders).map(({ path }) => ({ folder: path, targets }));
    });
}

function pathsIn(cell: string): { path: string; typesOnly: boolean }[] {
  return [...cell.matchAll(/(types of )?`([^`]+)`/g)].map(([, types, path = ""]) => ({
    path,
    typesOnly: types !== undefined,
  }));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** Our files that a file imports. */
function findImports(path: string, text: string): Import[] {
  const pattern = /\b(?:import|export)\s+(type\s)?[^"';]*?\bfrom\s*"(\.[^"]+)"|\bimport\s*\(?\s*"(\.[^"]+)"/g;
  return [...withoutComments(text).matchAll(pattern)].map(([, type, from, bare]) => ({
    target: normalize(join(dirname(path), from ?? bare ?? "")),
    typeOnly: type !== undefined,
  }));
}

const isTest = (path: string) => /\.test\.tsx?$/.test(path);
const isWithin = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

function breaches(sources: Sources, rules: Rule[]): string[] {
  return [...sources]
    .filter(([path]) => !isTest(path))
    .flatMap(([path, text]) => {
      const rule = rules
        .filter(({ folder }) => isWithin(path, folder))
        .sort((a, b) => b.folder.length - a.folder.length)[0];
      if (rule === undefined) return [`${path} is in no folder of the table`];
      return findImports(path, text)
        .filter(({ target, typeOnly }) => !allowed(rule, target, typeOnly))
        .map(({ target }) => `${path} may not import ${target}`);
    });
}

function allowed({ folder, targets }: Rule, target: string, typeOnly: boolean): boolean {
  if (targets === null || isWithin(target, folder)) return true;
  return targets.some(({ path, typesOnly }) => isWithin(target, path) && (typeOnly || !typesOnly));
}

/**
 * The first cycle of imports, as a list of files; null when there is none. Types do not count: they are erased when the
 * program runs, and a module's parts name the ports that its index declares.
 */
function cycle(sources: Sources): string[] | null {
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return null;
    for (const { target, typeOnly } of findImports(path, sources.get(path) ?? "")) {
      if (typeOnly) continue;
      const found = visit(target, [...trail, path]);
      if (found !== null) return found;
    }
    done.add(path);
    return null;
  };
  for (const path of sources.keys()) {
    const found = visit(path, []);
    if (found !== null) return found;
  }
  return null;
}

function findMisplacedBun(sources: Sources): string[] {
  return [...sources]
    .filter(([path]) => !isTest(path) && !BUN_MAY_BE_IN.some((place) => path.startsWith(place)))
    .filter(([, text]) => /\bBun\.|from "bun(:\w+)?"/.test(withoutComments(text)))
    .map(([path]) => path);
}

function emptyNames(sources: Sources): string[] {
  const empty = /^(utils?|common|helpers?|services?|types|misc|shared)(\.tsx?)?$/;
  return [...sources.keys()].filter((path) => path.split("/").some((part) => empty.test(part)));
}

/** Errors for fields that are not made by `invalidField` or `invalidFields`. */
function findOwnFieldErrors(sources: Sources): string[] {
  return [...sources]
    .filter(([path]) => path.startsWith("src/") && path !== "src/platform/errors.ts" && !isTest(path))
    .filter(([, text]) => /new AppError\(\s*"invalid"(?:(?!\);)[\s\S])*\berrors\b/.test(withoutComments(text)))
    .map(([path]) => path);
}

/** What one file does for all, and what shows that another does it again. */
const ONE_PLACE: { file: string; pattern: RegExp }[] = [
  // Which entries became visible between two checkpoints.
  { file: "src/platform/log/between.ts", pattern: /\bpg_(visible_in_snapshot|snapshot_xip|snapshot_xmax)\b/ },
  // The bounds of the log's partitions.
  { file: "src/platform/log/partitions.ts", pattern: /\b(relpartbound|pg_inherits)\b/ },
  // Reads by keys (ADR 14).
  { file: "src/platform/loader.ts", pattern: /"dataloader"/ },
];

function findRepeated(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) =>
    ONE_PLACE.filter(({ file, pattern }) => path.startsWith("src/") && path !== file && pattern.test(text)).map(
      ({ file }) => `${path} does what ${file} does`,
    ),
  );
}

/** Paths of ours in backticks or links of a page, as in `src/app.ts` and [SPEC](../protocol/SPEC.md). */
function pathsNamed(page: string, markdown: string): string[] {
  const quoted = [...markdown.matchAll(/`((?:bench|db|docs|protocol|scripts|sdk|src|tests|web)\/[\w./-]*)`/g)];
  const linked = [...markdown.matchAll(/\]\((?!\w+:|#)([^)#]+)/g)];
  return [...quoted.map(([, path = ""]) => path), ...linked.map(([, path = ""]) => join(dirname(page), path))];
}

const sources = readSources();
const rules = readRules(readFileSync(join(ROOT, "docs/architecture.md"), "utf8"));

test("no file imports what the table does not allow", () => {
  expect(breaches(sources, rules)).toEqual([]);
});

test("there is no cycle of imports", () => {
  expect(cycle(sources)).toBeNull();
});

test("Bun's own API stays where it may be", () => {
  expect(findMisplacedBun(sources)).toEqual([]);
});

test("no folder or file has a meaningless name", () => {
  expect(emptyNames(sources)).toEqual([]);
});

test("errors for fields are built in one place", () => {
  expect(findOwnFieldErrors(sources)).toEqual([]);
});

test("what one file does for all is in no other one", () => {
  const withoutTests = new Map([...sources].filter(([path]) => !isTest(path)));
  expect(findRepeated(withoutTests)).toEqual([]);
  expect(ONE_PLACE.filter(({ file, pattern }) => !pattern.test(sources.get(file) ?? ""))).toEqual([]);
});

test("a module's files are at most one folder deep", () => {
  // Each bridge is a module of its own.
  const inModule = [...sources.keys()].map((path) => path.replace(/^src\/bridges\//, "src/"));
  const deep = inModule.filter((path) => path.startsWith("src/") && path.split("/").length > 4);
  expect(deep).toEqual([]);
});

test("the documents name only files that are there", () => {
  const pages = [...new Bun.Glob("{*,docs/**/*,protocol/*}.md").scanSync({ cwd: ROOT })];
  const missing = pages.flatMap((page) => {
    const named = pathsNamed(page, readFileSync(join(ROOT, page), "utf8"));
    return named.filter((path) => !existsSync(join(ROOT, path))).map((path) => `${page} names ${path}`);
  });
  expect(missing).toEqual([]);
});

test("the check itself sees planted faults", () => {
  const planted: Sources = new Map([
    ["src/chat/a.ts", 'import { x } from "../feed/index.ts";\nimport { y } from "../identity/store.ts";'],
    ["src/chat/b.ts", 'import { type C, c } from "./c.ts";\n// import { z } from "../feed/index.ts";\nBun.sleep(1);'],
    ["src/chat/c.ts", 'export * from "./b.ts";\nawait import("../feed/late.ts");'],
    ["sdk/d.ts", 'import type { T } from "../protocol/a.ts";\nimport { Z } from "../protocol/b.ts";'],
    ["src/chat/utils/e.ts", 'import "../../transport/f.ts";'],
    ["elsewhere/g.ts", ""],
    ["src/chat/h.ts", 'throw new AppError("invalid", "No.", {\n  errors: [{ pointer: "/a" }] });'],
    ["src/chat/i.ts", 'throw new AppError("invalid", "No.");\nthrow invalidFields(errors);'],
    ["src/chat/store/j.ts", 'import DataLoader from "dataloader";\nsql`SELECT pg_snapshot_xmax(snap) FROM ticks`;'],
  ]);
  const table: Rule[] = [
    { folder: "src/chat", targets: [{ path: "src/identity/index.ts", typesOnly: false }] },
    { folder: "sdk", targets: [{ path: "protocol", typesOnly: true }] },
  ];
  expect(breaches(planted, table)).toEqual([
    "src/chat/a.ts may not import src/feed/index.ts",
    "src/chat/a.ts may not import src/identity/store.ts",
    "src/chat/c.ts may not import src/feed/late.ts",
    "sdk/d.ts may not import protocol/b.ts",
    "src/chat/utils/e.ts may not import src/transport/f.ts",
    "elsewhere/g.ts is in no folder of the table",
  ]);
  expect(cycle(planted)).toEqual(["src/chat/b.ts", "src/chat/c.ts", "src/chat/b.ts"]);
  expect(findMisplacedBun(planted)).toEqual(["src/chat/b.ts"]);
  expect(emptyNames(planted)).toEqual(["src/chat/utils/e.ts"]);
  expect(findOwnFieldErrors(planted)).toEqual(["src/chat/h.ts"]);
  expect(findRepeated(planted)).toEqual([
    "src/chat/store/j.ts does what src/platform/log/between.ts does",
    "src/chat/store/j.ts does what src/platform/loader.ts does",
  ]);
  const page = "`src/a.ts` → `npm start`, [b](adr/b.md#c), [d](https://d.example/) and `src/chat/`";
  expect(pathsNamed("docs/page.md", page)).toEqual(["src/a.ts", "src/chat/", "docs/adr/b.md"]);
});
