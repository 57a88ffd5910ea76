import { expect, test } from "bun:test";
import { createServer, connect as dial, type Socket } from "node:net";
import { testDatabase } from "../../../tests/support/postgres.ts";
import { isAway } from "./failures.ts";
import { openDatabase } from "./pool.ts";

/** Passes bytes on to PostgreSQL, and cuts a connection once, as soon as it sends `words`. */
async function cutter(url: URL, words: string) {
  let cuts = 0;
  const host = decodeURIComponent(url.hostname);
  const port = Number(url.port || 5432);
  const server = createServer((client: Socket) => {
    const backend = host.startsWith("/") ? dial(`${host}/.s.PGSQL.${port}`) : dial(port, host);
    client.on("error", () => {}).on("close", () => backend.destroy());
    backend.on("error", () => {}).on("close", () => client.destroy());
    backend.pipe(client);
    client.on("data", (bytes) => {
      if (cuts === 0 && bytes.includes(words)) {
        cuts++;
        client.resetAndDestroy();
      } else backend.write(bytes);
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, cuts: () => cuts, close: () => server.close() };
}

test("a connection that is lost while it gets ready fails who waits for it, and nobody else", async () => {
  const db = await testDatabase();
  const url = new URL(db.url);
  const between = await cutter(url, "typcategory");
  const database = openDatabase(`postgres://${url.username}@127.0.0.1:${between.port}${url.pathname}`, { max: 1 });
  const first = await database.sql`SELECT 1 AS one`.then(
    () => null,
    (error: unknown) => error,
  );
  expect(isAway(first)).toBe(true);
  expect(between.cuts()).toBe(1);
  const [row] = await database.sql`SELECT ${["a", "b"]}::text[] AS list`;
  expect(row).toEqual({ list: ["a", "b"] });
  await database.close();
  between.close();
  await db.close();
});
