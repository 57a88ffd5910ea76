/** Receives the server's log lines: routine at "debug", what the operator should know at "warn". */
export type ServerLog = (level: "debug" | "warn", line: string) => void;

/** The server's `log_line_prefix` that `createLineReader` expects: which kind of process writes. */
export const LINE_PREFIX = "%b: ";

/**
 * Reads the server's log line by line: returns its level and the line without the prefix. A statement of ours that failed is
 * routine here: its sender got the error, repeats it or logs it.
 */
export function createLineReader(): (line: string) => { level: "debug" | "warn"; text: string } {
  let level: "debug" | "warn" = "warn";
  return (line) => {
    const [, speaker, text] = /^([a-z][a-z ]*): ([A-Z]+:.*)$/.exec(line) ?? [];
    if (text === undefined) return { level, text: line }; // the line before goes on, or it is not of the server's log
    // Its routine, and what it adds to the line before.
    const isRoutine = text.startsWith("LOG:") || (speaker === "client backend" && text.startsWith("ERROR:"));
    if (!/^(STATEMENT|DETAIL|HINT|CONTEXT|LOCATION|QUERY):/.test(text)) level = isRoutine ? "debug" : "warn";
    return { level, text };
  };
}
