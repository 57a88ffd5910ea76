import { plugin } from "bun";

/**
 * The PostgreSQL driver, mended as it is loaded. postgres 3.4.9 writes to a connection that is already closed, in a callback that
 * nobody can catch, and the process ends: that is, whenever the server dies with a transaction open (porsager/postgres#1154,
 * #1208). Everything that needs the driver's value takes it from here; importing its types elsewhere is fine.
 */
const MENDS: [from: string, to: string][] = [
  [
    "const x = socket.write(chunk, fn)",
    `if (socket === null) {
      chunk = nextWriteTimer = null
      error(Errors.connection('CONNECTION_CLOSED', options))
      return false
    }
    const x = socket.write(chunk, fn)`,
  ],
  // What was not sent before the loss must not be the beginning of the next connection,
  ["socket = null\n\n    if (initial)", "socket = null\n    chunk = nextWriteTimer = null\n\n    if (initial)"],
  // nor may the server's last words be the answer to the first query there.
  [
    "closedTime = performance.now()\n",
    "query = results = errorResponse = null\n    result = new Result()\n    closedTime = performance.now()\n",
  ],
];

plugin({
  name: "mended postgres driver",
  setup(build) {
    build.onLoad({ filter: /[\\/]postgres[\\/]src[\\/]connection\.js$/ }, async ({ path }) => {
      let contents = await Bun.file(path).text();
      for (const [from, to] of MENDS) {
        if (!contents.includes(from)) {
          throw new Error(
            "The postgres driver is another version than driver.ts mends. See whether it still needs it.",
          );
        }
        contents = contents.replace(from, () => to);
      }
      return { contents, loader: "js" };
    });
  },
});

export const { default: postgres } = await import("postgres");
