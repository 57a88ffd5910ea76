import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

/**
 * Keeps old words out: for each there is a standard term (docs/architecture.md, Glossary). A word is found alone and as a part of an
 * identifier (`bell` in `ringBell` and `BELL_MS`). Released migrations, docs/adr and the CHANGELOG are not searched: they stay.
 */
const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["src", "sdk", "web", "protocol", "scripts", "bench", "tests", "docs", "examples", "deploy"];
const FILES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile"];
const TEXT = /\.(ts|tsx|mjs|js|css|md|sh|proto|yml|conf|go|py|java)$/;
const NOT_SEARCHED =
  /node_modules\/|\.react-router\/|\.cache\/|^web\/build\/|^docs\/adr\/|^tests\/(screen-)?words\.test\.ts$/;

/** Old words, alone or as a part of an identifier, with the terms to use. */
const OLD_WORDS: Record<string, string> = {
  anew: "again",
  answer: "response, reply or result",
  answered: "responded, replied or returned",
  answers: "responses, replies or results",
  anybody: "anyone",
  asker: "requester",
  behind: "after",
  bell: "signal",
  census: "local stats",
  crowd: "users, load or join batch",
  dawdle: "be slow",
  dawdler: "incomplete request",
  dawdlers: "incomplete requests",
  deaf: "isolated",
  everybody: "everyone",
  he: "they",
  heir: "successor",
  him: "them",
  hears: "is receiving",
  himself: "themselves",
  his: "their",
  house: "layout, context or store",
  hushed: "stalled",
  lane: "per-key queue",
  mailbox: "instance id",
  inbox: "inbound queue",
  nobody: "no one",
  places: "positions, memberships or a limiter",
  somebody: "a client, a user or a caller",
  stirred: "active",
  tapped: "traced",
  taps: "frame tracer",
  unanswered: "pending",
  told: "sent, logged or acknowledged",
  vacate: "decrement",
  whoever: "the user or caller who",
  wire: "broker transport",
};

/** Old names, beginnings of names (`MOST_`) and calls (`ask(`), with the new ones. */
const OLD_NAMES: Record<string, string> = {
  "ask(": "request(",
  bothSides: "keysetQuery",
  createHubOf: "createNodeHub",
  createLanes: "createKeyQueues",
  createTurns: "createKeyedMutex",
  GAP_PATIENCE: "GAP_TIMEOUT_MS",
  isHeldUp: "isLockTimeout",
  MOST_: "MAX_",
  nothingWasDone: "isDefinitelyNotCommitted",
  ReaderTick: "Checkpoint",
  ROOM_REST: "ROOM_IDLE_MS",
  "signs of life": "heartbeat",
  TailReader: "LogConsumer",
  takeOut: "removeMember",
  takeTextAway: "redactMessage",
  whyShutOut: "findBanReason",
};

/** Where an old word stays, and why. Each is removed from the text before the search. */
const ALLOWED: { text: RegExp; why: string }[] = [
  { text: /["'`]deaf["'`]|\bdeaf: |usher_broker_deaf/g, why: "a value and a metric of the contract" },
  { text: /is deaf if another/g, why: "a test's title names that value" },
  { text: /front of house/g, why: "the name of an example's channel" },
  { text: /mailbox of \$/g, why: "a reply of a mail server" },
  {
    text: /\bbehind (a )?(proxy|proxies|trusted prox|nginx|the balancer|`deploy\/nginx)|\bbehind a trusted proxy|behind a\nproxy|behindProx/gi,
    why: "where a server stands",
  },
  { text: /[`"]nobody["`]|the user nobody/g, why: "a user of the operating system" },
  { text: /bot everyone everybody all/g, why: "names that no one can have" },
  { text: /\basker: /g, why: "a field of a message between nodes" },
  { text: /\bplaces: |\.places\b/g, why: "a field of a message between nodes" },
  { text: /\bhears (= |AS )|hears = true/g, why: "a column of a released migration" },
  {
    text: /\b(is|are|is it|was) told (to|so|that)\b|told apart|told to omit/g,
    why: "plain English for a message to a client",
  },
  { text: /"tapped"/g, why: "a message between nodes" },
  { text: /\ba tapped message|was tapped\b/g, why: "a gesture on a touch screen" },
  { text: /\banswer (= |is null|as result)|coalesce\(answer,/gi, why: "a column of a released migration" },
  { text: /behind[ _-]?retention/gi, why: "a state of a log consumer, by which operators know it" },
  { text: /BrokerDeaf|#brokerdeaf/g, why: "an alert and its heading, by which operators know it" },
];

interface Found {
  where: string;
  word: string;
  term: string;
}

const words = Object.entries(OLD_WORDS).map(([word, term]) => ({
  word,
  term,
  pattern: new RegExp(`\\b${word}\\b`, "gi"),
}));
const names = Object.entries(OLD_NAMES).map(([word, term]) => ({
  word,
  term,
  pattern: word.endsWith("_")
    ? new RegExp(`\\b${word}|\\b${word.slice(0, -1).toLowerCase()}(?=[A-Z])`, "g")
    : word.endsWith("(")
      ? new RegExp(`\\b${word.slice(0, -1)}(?=[(<])`, "g")
      : new RegExp(`\\b${word}\\b`, "gi"),
}));

/** The parts of identifiers as words; lines stay lines. */
function splitIdentifiers(text: string): string {
  return text.replace(/(?<=[a-z\d])(?=[A-Z])/g, " ").replace(/[_-]/g, " ");
}

function findOldWords(path: string, text: string): Found[] {
  let searched = text;
  for (const { text: allowed } of ALLOWED) searched = searched.replace(allowed, (part) => " ".repeat(part.length));
  const find = (source: string, list: typeof words) =>
    list.flatMap(({ word, term, pattern }) =>
      [...source.matchAll(pattern)].map(({ index }) => ({
        where: `${path}:${source.slice(0, index).split("\n").length}`,
        word,
        term,
      })),
    );
  return [...find(splitIdentifiers(searched), words), ...find(searched, names)];
}

function listFiles(): string[] {
  const inFolders = [...new Glob(`{${FOLDERS.join(",")}}/**/*`).scanSync(ROOT)].filter((path) => TEXT.test(path));
  return [...inFolders, ...FILES].filter((path) => !NOT_SEARCHED.test(path));
}

test("no file has an old word: docs/architecture.md has the standard term", () => {
  const files = listFiles();
  const found = files.flatMap((path) => findOldWords(path, readFileSync(join(ROOT, path), "utf8")));
  expect(found.map(({ where, word, term }) => `${where}: "${word}" is now "${term}"`)).toEqual([]);
  expect(files.length).toBeGreaterThan(500);
});

test("the check itself finds planted words, alone and in identifiers, and leaves the allowed ones", () => {
  const planted: [text: string, words: string[]][] = [
    ["// Rings the bell.", ["bell"]],
    ["const nightBell = BELL_MS;", ["bell", "bell"]],
    ["function takeTextAway(): TailReader {}", ["TailReader", "takeTextAway"]],
    ["const MOST_ROOMS = mostOpen;", ["MOST_", "MOST_"]],
    ["whether he may", ["he"]],
    ["the node is deaf", ["deaf"]],
    ['health(): "deaf" | "ok"; // `deaf`, as usher_broker_deaf shows', []],
    ["const asked = await client.ask<Reply>(1); // asks whom to ask", ["ask("]],
    ["Nobody is behind; everybody answers, whoever it is", ["answers", "behind", "everybody", "nobody", "whoever"]],
    ["anybody, answered: the asker's Signs of life", ["answered", "anybody", "asker", "signs of life"]],
    [
      "crowdSize is tappedRows of the wire, isUnanswered by an answer",
      ["answer", "crowd", "tapped", "unanswered", "wire"],
    ],
    ["`nobody`, behind a proxy; a tapped message; wired", []],
    ["at most one label, the header, a plane, a dumbbell", []],
  ];
  for (const [word, term] of Object.entries({ ...OLD_WORDS, ...OLD_NAMES })) {
    const found = findOldWords("a.ts", word.endsWith("_") ? `${word}X` : `${word}`);
    expect(found.map(({ term }) => term)).toContain(term);
  }
  for (const [text, words] of planted)
    expect([text, findOldWords("a.ts", text).map(({ word }) => word)]).toEqual([text, words]);
  expect(findOldWords("a.ts", "one\ntwo\n// a bell")).toMatchObject([{ where: "a.ts:3", word: "bell" }]);
});
