import { plugin } from "bun";

/**
 * The PostgreSQL driver, mended as it is loaded. When a server dies, postgres 3.4.9 ends our process with an error that nobody can
 * catch (porsager/postgres#1154, #1208), or lets the rest of a dead transaction run inside another one. Everything that needs
 * the driver's value takes it from here; importing its types elsewhere is fine. Proof: tests/faults/log-postgres-killed.test.ts.
 */
const MENDS: { file: "connection.js" | "index.js"; from: string; to: string }[] = [
  {
    // A delayed write to a connection that was closed meanwhile.
    file: "connection.js",
    from: "const x = socket.write(chunk, fn)",
    to: `if (socket === null) {
      chunk = nextWriteTimer = null
      error(Errors.connection('CONNECTION_CLOSED', options))
      return false
    }
    const x = socket.write(chunk, fn)`,
  },
  {
    // What was not sent before the loss must not be the beginning of the next connection.
    file: "connection.js",
    from: "socket = null\n\n    if (initial)",
    to: "socket = null\n    chunk = nextWriteTimer = null\n\n    if (initial)",
  },
  {
    // The dying server's last words must not be the answer to the first query of the next connection.
    file: "connection.js",
    from: "closedTime = performance.now()\n",
    to: "query = results = errorResponse = null\n    result = new Result()\n    closedTime = performance.now()\n",
  },
  {
    // A connection that is lost while it asks for the types of arrays: who waits for it is told by `errored`, nobody awaits this.
    file: "connection.js",
    from: "return fetchArrayTypes()",
    to: "return fetchArrayTypes().catch(() => {})",
  },
  {
    // A transaction whose connection was lost must not go on: that connection belongs to others now.
    file: "index.js",
    from: "new Promise((_, reject) => connection.onclose = reject)",
    to: "new Promise((_, reject) => connection.onclose = e => (lost = e, reject(e)))",
  },
  { file: "index.js", from: "let savepoints = 0\n", to: "let savepoints = 0\n      , lost = null\n" },
  {
    file: "index.js",
    from: "q.catch(e => uncaughtError || (uncaughtError = e))\n",
    to: "q.catch(e => uncaughtError || (uncaughtError = e))\n        if (lost)\n          return q.reject(lost)\n",
  },
];

plugin({
  name: "mended postgres driver",
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/]postgres[\\/]src[\\/](connection|index)\.js$/ }, async ({ path }) => {
      let contents = await Bun.file(path).text();
      for (const { file, from, to } of MENDS) {
        if (!path.endsWith(file)) continue;
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
