/** A mutant that no test can kill, or that is left alive on purpose. */
interface Explained {
  file: string;
  /** The line as it stands in the source, trimmed: it goes with the line, wherever that moves. */
  line: string;
  kind: string;
  why: string;
}

const EXPLAINED: Explained[] = [];

export function isExplained({ file, before, kind }: { file: string; before: string; kind: string }): boolean {
  return EXPLAINED.some((one) => one.file === file && one.line === before.trim() && one.kind === kind);
}
