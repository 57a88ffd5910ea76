import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { sqlState } from "./database-errors.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
  await db.sql`CREATE TABLE things (id int PRIMARY KEY, "a b" text, at timestamptz)`;
});
afterAll(() => db.close());

test("every kind of value arrives, and comes back as the kind that is promised", async () => {
  const at = new Date("2026-11-21T12:00:00.123Z");
  const bytes = new Uint8Array([0, 255, 92, 34]);
  const [row] = await db.sql`
    SELECT ${"9007199254740993"}::bigint AS big, ${7n}::bigint AS n, ${42}::int AS i, ${1.5}::float8 AS f, ${true}::bool AS yes,
      ${at}::timestamptz AS at, ${bytes}::bytea AS bytes, ${null}::text AS nothing, ${'{"a":[1]}'}::jsonb AS json,
      ${["1", "2"]}::bigint[] AS bigs, ${[]}::text[] AS none, ${[at, null]}::timestamptz[] AS times, 1.50 AS exact`;
  expect<unknown>({ ...row, bytes: [...row!.bytes] }).toEqual({
    big: "9007199254740993",
    n: "7",
    i: 42,
    f: 1.5,
    yes: true,
    at,
    bytes: [...bytes],
    nothing: null,
    json: { a: [1] },
    bigs: ["1", "2"],
    none: [],
    times: [at, null],
    exact: "1.50",
  });
  await expect(Promise.resolve(db.sql`SELECT ${undefined}::text`)).rejects.toThrow("undefined cannot be a parameter");
  await expect(Promise.resolve(db.sql`SELECT ${[bytes]}::bytea[]`)).rejects.toThrow("Bytes cannot be in an array");
});

test("no text can break out of an array", async () => {
  const word = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !text.includes("\0"));
  const nasty = fc.constantFrom('"', "\\", "{}", ",", "NULL", "null", "", " ", "\n", `\\"`, "'; --");
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(word, nasty, fc.constant(null))), async (texts) => {
      const [row] = await db.sql`SELECT ${texts}::text[] AS texts`;
      expect(row!.texts).toEqual(texts);
    }),
  );
});

test("parts, names, rows and changes are written with the parameters in their order", async () => {
  const { sql } = db;
  const made = await sql`INSERT INTO ${sql("things")} ${sql.row({ id: 1, "a b": 'x"y', at: null })}`;
  expect(made.count).toBe(1);
  await sql`UPDATE things SET ${sql.set({ "a b": "z", at: new Date(0) })} WHERE id = ${1}`;
  const both = (first: string, second: string) => sql`(${first}, ${sql`${second}`})`;
  const rows =
    await sql`SELECT ${"0"} AS zero, "a b", at FROM things WHERE ("a b", 'q') IN (${both("z", "q")}, ${both("n", "n")})`;
  expect([...rows]).toEqual([{ zero: "0", "a b": "z", at: new Date(0) }]);
  expect(() => sql.set({})).toThrow("nothing to set");
});

test("one template may hold a value at one time and a part at another", async () => {
  const select = (value: unknown) => db.sql`SELECT ${value} AS x`;
  const results = [
    await select("a"),
    await select(db.sql`1 + ${2}::int`),
    await select(db.sql`now() IS NULL`),
    await select("b"),
  ];
  expect(results.map(([row]) => row!.x)).toEqual(["a", 3, false, "b"]);
});

test("a statement is sent once, when it is awaited", async () => {
  const insert = db.sql`INSERT INTO things (id) VALUES (10)`;
  await db.sql`SELECT 1`;
  expect(await db.sql`SELECT FROM things WHERE id = 10`).toHaveLength(0);
  await Promise.all([insert, insert]);
  expect(await db.sql`SELECT FROM things WHERE id = 10`).toHaveLength(1);
});

test("statements are prepared once per connection, but not those that name a table of the day", async () => {
  const prepared = await db.sql.reserve(async (sql) => {
    for (let i = 0; i < 3; i++) await sql`SELECT ${i}::int + ${sql`${i}::int`} AS "counted twice"`;
    await sql`SELECT FROM ${sql("things")} WHERE id = ${1}`;
    return sql<{ text: string }[]>`SELECT statement AS text FROM pg_prepared_statements`;
  });
  const texts = prepared.map(({ text }) => text);
  expect(texts.filter((text) => text.includes("counted twice"))).toEqual([
    'SELECT $1::int + $2::int AS "counted twice"',
  ]);
  expect(texts.filter((text) => text.includes('"things"'))).toEqual([]);
});

test("a refused statement leaves its connection usable, and the error has its text", async () => {
  const refused = await Promise.resolve(db.sql`SELECT * FROM nowhere`).catch((error: unknown) => error);
  expect(sqlState(refused)).toBe("42P01");
  expect(refused).toHaveProperty("sql", "SELECT * FROM nowhere");
  const [before] = await db.sql`SELECT pg_backend_pid() AS pid`;
  await Promise.resolve(db.sql`SELECT 1 / 0`).catch(() => {});
  const [after] = await db.sql`SELECT pg_backend_pid() AS pid`;
  expect(after!.pid).toBe(before!.pid);
});

test("a prepared statement survives a change of its table", async () => {
  const { sql } = db;
  const read = () => sql`SELECT * FROM changing`;
  await sql`CREATE TABLE changing (a int)`;
  await read();
  await sql`ALTER TABLE changing ADD COLUMN b int`;
  await Promise.resolve(read()).catch(() => {});
  expect([...(await read())]).toEqual([]);
});

test("a transaction whose statement failed does not commit, even when the error was caught", async () => {
  const work = db.sql.begin(async (tx) => {
    await tx`INSERT INTO things (id) VALUES (20)`;
    await tx`INSERT INTO things (id) VALUES (20)`.catch(() => {});
  });
  expect(sqlState(await work.catch((error: unknown) => error))).toBe("23505");
  expect(await db.sql`SELECT FROM things WHERE id = 20`).toHaveLength(0);
});

test("statements of a transaction run in the order given, and none after its end", async () => {
  let late = (): PromiseLike<unknown> => Promise.resolve();
  const seen = await db.sql.begin("isolation level repeatable read", async (tx) => {
    late = () => tx`INSERT INTO things (id) VALUES (31)`;
    const all = await Promise.all([
      tx`INSERT INTO things (id) VALUES (30) RETURNING id`,
      tx`UPDATE things SET "a b" = 'c' WHERE id = 30 RETURNING "a b"`,
      tx`SHOW transaction_isolation`,
    ]);
    return all.map(([row]) => Object.values(row!)[0]);
  });
  expect(seen).toEqual([30, "c", "repeatable read"]);
  await expect(Promise.resolve(late())).rejects.toThrow("has ended");
  expect(await db.sql`SELECT FROM things WHERE id = 31`).toHaveLength(0);
});

test("a work that throws rolls back what it left unawaited", async () => {
  const work = db.sql.begin(async (tx) => {
    tx`INSERT INTO things (id) VALUES (40)`.catch(() => {});
    throw new Error("no");
  });
  await expect(work).rejects.toThrow("no");
  expect(await db.sql`SELECT FROM things WHERE id = 40`).toHaveLength(0);
});
