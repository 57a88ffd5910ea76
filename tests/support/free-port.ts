import { createServer } from "node:net";

/**
 * Below what systems give to connections that go out: with thousands of those in other tests, one of them would take the port
 * before whoever asked for it listens there.
 */
const [FIRST, COUNT] = [10_000, 20_000];

const given = new Set<number>();

/** A port that nobody uses at this moment, and none that was asked for here before: whoever asked may not listen yet. */
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
