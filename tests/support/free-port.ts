import { createServer } from "node:net";

const given = new Set<number>();

/** A port that nobody uses at this moment, and none that was asked for here before: whoever asked may not listen yet. */
export async function freePort(): Promise<number> {
  const port = await anyPort();
  if (given.has(port)) return freePort();
  given.add(port);
  return port;
}

function anyPort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once("error", fail);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (typeof address === "object" && address ? done(address.port) : fail(new Error("no port"))));
    });
  });
}
