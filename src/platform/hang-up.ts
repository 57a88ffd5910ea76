import { closeSync, openSync } from "node:fs";

/**
 * Calls `work` at SIGHUP. A terminal that is closed sends the same signal to what runs in it: then the program is to stop.
 *
 * @returns what ends it
 */
export function onHangUp(work: () => void): () => void {
  const inTerminal = process.stdout.isTTY === true;
  const heard = () => {
    if (inTerminal && !terminalStands()) process.kill(process.pid, "SIGTERM");
    else work();
  };
  process.on("SIGHUP", heard);
  return () => void process.off("SIGHUP", heard);
}

function terminalStands(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
