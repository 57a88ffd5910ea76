/** A mutant that no test can kill, or that is not killed on purpose. */
interface Explained {
  file: string;
  /** The line of the source, trimmed: it matches wherever the line moves. */
  line: string;
  kind: string;
  why: string;
}

const EXPLAINED: Explained[] = [];

export function isExplained({ file, before, kind }: { file: string; before: string; kind: string }): boolean {
  return EXPLAINED.some((one) => one.file === file && one.line === before.trim() && one.kind === kind);
}
