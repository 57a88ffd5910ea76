/** One single fault that can be put into a source file. */
export interface Mutation {
  /** From 1. */
  line: number;
  /** What was done, such as `< to <=`. */
  kind: string;
  /** The line before and after. `after` is empty for a line that is taken out. */
  before: string;
  after: string;
}

/** Replaced in code and in the SQL of templates alike: bounds, guards and directions are in both. */
const REPLACEMENTS: [string, string][] = [
  [" < ", " <= "],
  [" <= ", " < "],
  [" > ", " >= "],
  [" >= ", " > "],
  [" === ", " !== "],
  [" !== ", " === "],
  [" && ", " || "],
  [" || ", " && "],
  [" ?? ", " && "],
  [" + 1", ""],
  [" - 1", ""],
  [" AND ", " OR "],
  ["true", "false"],
  ["false", "true"],
];

/** A whole statement on one line: a guard, or a call made for its effect. */
const GUARD = /^\s*(?:else )?if \(.*\) (?:throw|return|continue|break)\b.*;$/;
const CALL = /^\s*(?:await |void )?[\w$#.?![\]]+\(.*\);$/;
const NO_CODE = /^\s*(?:\/\/|\/?\*|import |export (?:type|interface|\*|\{)|\}? ?from |logger\b)|\blogger\.|console\./;

/** All single faults of a TypeScript source, in the order of its lines. Some may not compile, or change nothing that counts. */
export function findMutations(source: string): Mutation[] {
  return source.split("\n").flatMap((before, index) => {
    if (NO_CODE.test(before)) return [];
    const found: Mutation[] = [];
    const add = (kind: string, after: string) => found.push({ line: index + 1, kind, before, after });
    if (GUARD.test(before)) add("guard taken out", "");
    else if (CALL.test(before)) add("call taken out", "");
    for (const [from, to] of REPLACEMENTS) {
      for (let at = before.indexOf(from); at >= 0; at = before.indexOf(from, at + from.length)) {
        if (isWord(from) && /[\w"'`]/.test(`${before[at - 1] ?? ""}${before[at + from.length] ?? ""}`)) continue;
        if (isComment(before, at)) continue;
        add(`${from.trim()} to ${to.trim() || "nothing"}`, before.slice(0, at) + to + before.slice(at + from.length));
      }
    }
    return found;
  });
}

/** The source with one fault in it. */
export function mutate(source: string, { line, after }: Mutation): string {
  const lines = source.split("\n");
  lines[line - 1] = after;
  return lines.join("\n");
}

function isWord(text: string): boolean {
  return /^\w+$/.test(text);
}

function isComment(line: string, at: number): boolean {
  const comment = line.search(/(?:^|\s)\/\/ /);
  return comment >= 0 && comment < at;
}
