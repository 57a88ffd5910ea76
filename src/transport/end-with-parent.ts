/**
 * Loaded before a child process's program: ends it when the process that started it is gone, however that ended.
 * The parent holds the other end of standard input and never writes.
 */
process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();

export {};
