import { createServer } from "node:net";

/**
 * Below the ephemeral ports of outgoing connections: with thousands of those in other tests, one of them would take the port
 * before its caller listens there.
 */
const [FIRST, COUNT] = [10_000, 20_000];

const given = new Set<number>();

/** A port that is free at this moment, and was not returned before: an earlier caller may not listen yet. */
export async function freePort(): Promise<number> {
  const port = FIRST + Math.floor(Math.random() * COUNT);
  if (given.has(port) || !(await isFree(port))) return freePort();
  given.add(port);
  return port;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once("error", () => done(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => done(true)));
  });
}
