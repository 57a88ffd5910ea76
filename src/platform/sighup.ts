import { closeSync, openSync } from "node:fs";

/**
 * Calls `work` at SIGHUP. A closed terminal sends the same signal to what runs in it: then the program must stop.
 *
 * @returns a function that ends it
 */
export function onSighup(work: () => void): () => void {
  const inTerminal = process.stdout.isTTY === true;
  const handle = () => {
    if (inTerminal && !isTerminalOpen()) process.kill(process.pid, "SIGTERM");
    else work();
  };
  process.on("SIGHUP", handle);
  return () => void process.off("SIGHUP", handle);
}

function isTerminalOpen(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
