import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { analyse } from "scslre";
import { parseSync, Visitor } from "vite";

/**
 * Every pattern of the source takes time that is linear in the length of its input. `scslre` finds two
 * kinds that do not: one whose parts can match the same letters in many ways, and one that starts again at each letter.
 */
const ROOT = join(import.meta.dirname, "..");

interface Found {
  where: string;
  /** Null: made at run time, of something that is not known here. */
  pattern: RegExp | null;
}

function findPatterns(path: string, text: string): Found[] {
  const found: Found[] = [];
  const countLines = (at: number) => text.slice(0, at).split("\n").length;
  const made = ({ callee, start }: { callee: object; start: number }) => {
    if ("name" in callee && callee.name === "RegExp")
      found.push({ where: `${path}:${countLines(start)}`, pattern: null });
  };
  new Visitor({
    Literal(node) {
      if (!("regex" in node)) return;
      const { pattern, flags } = node.regex;
      found.push({ where: `${path}:${countLines(node.start)}`, pattern: new RegExp(pattern, flags) });
    },
    NewExpression: made,
    CallExpression: made,
  }).visit(parseSync(path, text).program);
  return found;
}

const isLinear = (pattern: RegExp) => analyse(pattern).reports.length === 0;

async function findPatternsInSource(): Promise<Found[]> {
  const files = [...new Glob("{src,web,sdk,protocol}/**/*.{ts,tsx}").scanSync(ROOT)].filter(
    (path) => !/\.test\.tsx?$|\/(build|node_modules|\.react-router)\//.test(path),
  );
  return (
    await Promise.all(files.map(async (path) => findPatterns(path, await Bun.file(join(ROOT, path)).text())))
  ).flat();
}

test("no pattern of the source takes more than linear time", async () => {
  const all = await findPatternsInSource();
  expect(all.length).toBeGreaterThan(100);
  expect(all.filter(({ pattern }) => pattern !== null && !isLinear(pattern))).toEqual([]);
});

test("each pattern is written out where it is, so that it can be judged: none is put together at run time", async () => {
  const all = await findPatternsInSource();
  expect(all.filter(({ pattern }) => pattern === null)).toEqual([]);
});

test("the judge finds the patterns that stood here once, and finds them in the text of a file", () => {
  for (const bad of [/[.,;:!?)\]}]+$/, /([?&][^=&]*(?:code|token)[^=&]*=)[^&#]*/gi, /^\d*\.?\d+$/, /^(a+)+$/]) {
    expect(isLinear(bad)).toBe(false);
  }
  const text = "const a: RegExp = /x+$/u;\nconst b = new RegExp(a + `c`), c = RegExp('d');\n";
  expect(findPatterns("x.ts", text)).toEqual([
    { where: "x.ts:1", pattern: /x+$/u },
    { where: "x.ts:2", pattern: null },
    { where: "x.ts:2", pattern: null },
  ]);
});
