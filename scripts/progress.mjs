// Shows on standard error what is in progress, and for how long: in a terminal on one line that changes, else by a line
// every ten seconds.
import { isatty } from "node:tty";

const EVERY_MS = { terminal: 1_000, lines: 10_000 };

/**
 * @param {string} what such as "Building the pages"
 * @param {() => string} detail how far it is, such as "3 of 5"; asked each time it is shown
 */
export function showProgress(what, detail = () => "") {
  const began = Date.now();
  const seconds = () => `${Math.round((Date.now() - began) / 1_000)} s`;
  const inTerminal = isatty(2);
  const show = () => write([detail(), seconds()].filter(Boolean).join(", "));
  // Carriage return, the text, and the code that clears the remaining line (ECMA-48, EL).
  const write = (state) => process.stderr.write(inTerminal ? `\r${what}: ${state}\u001b[K` : `${what}: ${state}\n`);
  if (!inTerminal) process.stderr.write(`${what} …\n`);
  const timer = setInterval(show, inTerminal ? EVERY_MS.terminal : EVERY_MS.lines);
  return {
    end(isDone) {
      clearInterval(timer);
      write(isDone ? `done in ${seconds()}` : `failed after ${seconds()}`);
      if (inTerminal) process.stderr.write("\n");
    },
  };
}
