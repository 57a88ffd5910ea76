import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { parseSync, Visitor } from "vite";

/**
 * Keeps odd English out of what people read: the pages, the error codes and the texts of errors. For each phrase there is a usual
 * one. Old terms of the code are in words.test.ts, which searches all files.
 */
const ROOT = join(import.meta.dirname, "..");

const ODD: [odd: RegExp, instead: string][] = [
  [/\b(she|her|hers|herself)\b/i, "they, them, their"],
  // In quotes it is the system's user of that name.
  [/\b(some|any|every|no)body\b(?!")/i, "someone, anyone, everyone, no one"],
  [/\bwho(m|se)?ever\b/i, "everyone who, the person who"],
  [/\bpresent (password|state|value|name)\b/i, "current"],
  [/\bcolours?\b/i, "appearance"],
  [/\bas the system has it\b/i, "system"],
  [/\bwrite to some/i, "new message"],
  [/\bnowhere\b/i, "not signed in, not stored"],
  [
    /\b(made?|makes?|making) (an?|the|another|new) (first )?(account|endpoint|webhook|token|invitation|channel|link)s?\b/i,
    "create, add",
  ],
  [/\bgoes? before\b/i, "overrides"],
  [/\bbroker works\b/i, "broker connected"],
  [/\b(bans|options|they) that stand\b|\bas (they|it) stands?\b/i, "active, current"],
  [/\bpick up where\b/i, "sign in"],
  [/\b(you|it|they|which) may not\b/i, "cannot, are not allowed to"],
  [/\bwhich is the most\b|\bas many as\b/i, "the maximum"],
  [/\bsigns? of life\b/i, "nothing was received"],
  [/\b(of|in) your own rank\b/i, "with your role"],
  [/\bis like (this|that)\b/i, "was found"],
  [/\bRedeliver\b/, "Resend"],
  [/\bwatch(ing|ed)? (the frames|people|a person|a room)\b|^Watch(ing)?\b/i, "trace"],
  [/\bThere is no [\w ]+ yet\b/i, "No … yet"],
  [/\binvite links?\b/i, "invitation"],
];

interface Text {
  where: string;
  text: string;
}

/** The texts of a file. In files of the server only those of its errors: the rest is SQL, log lines and names. */
function findTexts(path: string, source: string): Text[] {
  const all: (Text & { start: number })[] = [];
  const errors: { start: number; end: number }[] = [];
  const add = (text: string, start: number) => {
    const where = `${path}:${source.slice(0, start).split("\n").length}`;
    if (/\p{L}/u.test(text)) all.push({ where, text: text.replace(/\s+/g, " ").trim(), start });
  };
  const call = ({ callee, start, end }: { callee: object; start: number; end: number }) => {
    if ("name" in callee && /^(AppError|StartError|fieldError)$/.test(String(callee.name))) errors.push({ start, end });
  };
  new Visitor({
    Literal(node) {
      if (typeof node.value === "string") add(node.value, node.start);
    },
    TemplateElement(node) {
      add(node.value.cooked ?? "", node.start);
    },
    JSXText(node) {
      add(node.value, node.start);
    },
    NewExpression: call,
    CallExpression: call,
  }).visit(parseSync(path, source).program);
  const isError = (at: number) => errors.some(({ start, end }) => start < at && at < end);
  return all
    .filter(({ start }) => !path.startsWith("src/") || isError(start))
    .map(({ where, text }) => ({ where, text }));
}

const findOdd = (texts: readonly Text[]) =>
  texts.flatMap(({ where, text }) =>
    ODD.filter(([odd]) => odd.test(text)).map(([odd, instead]) => `${where} "${text}": ${odd} is ${instead}`),
  );

async function readTexts(): Promise<Text[]> {
  const files = [...new Glob("{web,src,protocol}/**/*.{ts,tsx}").scanSync(ROOT)].filter(
    (path) => !/\.test\.tsx?$|\/(build|node_modules|\.react-router)\//.test(path),
  );
  return (
    await Promise.all(files.map(async (path) => findTexts(path, await Bun.file(join(ROOT, path)).text())))
  ).flat();
}

test("no text on screen or in an error has an odd phrase", async () => {
  const texts = await readTexts();
  expect(texts.length).toBeGreaterThan(1_000);
  expect(findOdd(texts)).toEqual([]);
});

test("the check itself finds planted texts: in attributes, between tags, in templates and in errors", () => {
  const planted = [
    "As the system has it",
    "Present password",
    "Colours",
    "Write to somebody",
    "signed in nowhere",
    "Make an endpoint",
    "What is changed here goes before the environment",
    "broker works",
    "Bans that stand",
    "Pick up where you left off",
    "You may not do this.",
    "Redeliver",
    "Watch ada",
    "Only an owner can watch people and channels.",
    "There is no public channel yet",
    "Create an invite link",
    "There are 50 endpoints, which is the most.",
  ];
  for (const text of planted) expect([text, findOdd([{ where: "", text }]).length]).not.toEqual([text, 0]);

  const page = "const a = <Empty title='Colours'>\n  Nobody is here\n</Empty>;\nconst b = `load it, whoever`;";
  expect(findOdd(findTexts("web/x.tsx", page)).map((line) => line.split(" ")[0])).toEqual([
    "web/x.tsx:1",
    "web/x.tsx:1",
    "web/x.tsx:4",
  ]);
  const server = 'log("nobody");\nthrow new AppError("forbidden", "Nobody may.", { detail: `you may not` });';
  expect(findOdd(findTexts("src/x.ts", server)).map((line) => line.split(" ")[0])).toEqual([
    "src/x.ts:2",
    "src/x.ts:2",
  ]);
});
