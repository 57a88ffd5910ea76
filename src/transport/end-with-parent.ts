import { rmSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Loaded before the page process's program: ends it when the process that started it is gone, however that ended, and
 * removes the folder of their sockets, which that one cannot do any more. The parent holds the other end of standard
 * input and never writes.
 */
function end(): void {
  if (process.env.WEB_SOCKET) rmSync(dirname(process.env.WEB_SOCKET), { recursive: true, force: true });
  process.exit(0);
}

process.stdin.on("end", end);
process.stdin.on("error", end);
process.stdin.resume();
