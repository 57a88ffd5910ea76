import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import { skeleton } from "./names.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

let node: IdentityNode;
let token: string;
beforeAll(async () => {
  node = await startIdentityNode();
  ({ token } = await node.register("admin"));
});
afterAll(() => node.close());

const register = (username: string) =>
  node.call("POST", "/auth/register", {
    username,
    email: `p${Bun.hash(username)}@example.org`,
    password: "correct horse battery",
  });
const find = async (q: string) => {
  const { body } = await node.call("GET", `/users?q=${encodeURIComponent(q)}`, undefined, { token });
  return (body.data as { username: string }[]).map(({ username }) => username);
};

test("people are found by their names in any case, width and composition", async () => {
  for (const [name, ...typed] of [
    ["İbrahim", "İbrahim", "ibrahim", "IBRAHIM", "ıbrahim"],
    ["ΓΙΩΡΓΟΣ", "ΓΙΩΡΓΟΣ", "γιωργος", "Γιώργος", "γιωργοσ"],
    ["Ｔａｋｅｏ", "Ｔａｋｅｏ", "takeo", "TAKEO"],
    ["José", "José", "José", "jose"],
    ["ﬁona", "ﬁona", "fiona", "FI"],
    ["Straße", "strasse", "STRASSE", "straße"],
    ["हिन्दी", "हिन्दी"],
    ["กิตติ", "กิตติ"],
  ] as const) {
    expect((await register(name)).status).toBe(201);
    for (const q of typed) expect([q, await find(q)]).toEqual([q, [name.normalize("NFKC")]]);
  }
  await node.call("PATCH", "/users/me", { name: "Ångström Ｅ" }, { token });
  expect(await find("angstrom e")).toEqual(["admin"]);
});

test("no one gets a name that looks like another one's", async () => {
  expect((await register("race0")).status).toBe(201);
  for (const name of ["rаce0", "RACE0", "raceO", "ｒace0", "rасе0"]) {
    const { status, body } = await register(name);
    expect([name, status, body.code]).toEqual([name, 409, "username_taken"]);
  }
  expect(skeleton("ΑΒ")).toBe(skeleton("AB"));
});

test("an invisible mark on a letter does not make a new name, and marks of a name's own script stay", async () => {
  for (const mark of ["\u{16fe4}", "\u{1da00}", "\u{302e}", "\u{301}\u{302e}", "\u{fe0f}", "\u{34f}"])
    for (const name of [`race0${mark}`, `ra${mark}ce0`])
      expect([name, (await register(name)).status]).toEqual([name, 422]);
  for (const name of ["Nguyễn", "مُحَمَّد", "தமிழ்", "ខ្មែរ", "か\u3099ん", "и\u0306ван", "অ\u0951ন"])
    expect([name, (await register(name)).status]).toEqual([name, 201]);
});

test("names that speak for the server are reserved for the account that set it up", async () => {
  expect((await node.call("GET", "/users/me", undefined, { token })).body.username).toBe("admin");
  for (const name of [
    "system",
    "Moderator",
    "usher",
    "support",
    "everyone",
    "here",
    "all",
    "me",
    "оwner",
    "Ｓｔａｆｆ",
  ]) {
    const { status, body } = await register(name);
    expect([name, status, body.code]).toEqual([name, 409, "username_taken"]);
  }
  const ann = (await register("ann")).body.access_token;
  expect((await node.call("PATCH", "/users/me", { username: "owner" }, { token: ann })).body.code).toBe(
    "username_taken",
  );
});

test("names that a release without keys has written are found, stay with their owners, and get their keys by the sweep", async () => {
  await node.sql`
    INSERT INTO users (id, username, username_key, name) VALUES
      ('old1', 'Çelik', 'çelik', 'Çelik Ay'), ('old2', 'mоna', 'mоna', NULL), ('old3', 'mona', 'mona', NULL),
      ('old4', 'support', 'support', NULL)`;
  expect(await find("çel")).toEqual(["Çelik"]);
  await node.identity.sweep();
  expect(await find("celik a")).toEqual(["Çelik"]);
  expect(await find("support")).toEqual(["support"]);
  const keys = () => node.sql<{ id: string; skeleton: string | null; search_key: string | null }[]>`
    SELECT id, skeleton, search_key FROM users WHERE id LIKE 'old%' ORDER BY id`;
  expect((await keys()).map((row) => row.skeleton === null)).toEqual([false, false, true, false]);
  expect((await register("monа")).body.code).toBe("username_taken");

  // The previous release renames: the keys of the old name are no longer valid.
  await node.sql`UPDATE users SET username = 'Demir', username_key = 'demir' WHERE id = 'old1'`;
  expect((await keys())[0]).toEqual({ id: "old1", skeleton: null, search_key: null });
  expect(await find("DEM")).toEqual(["Demir"]);
  expect(await find("celik")).toEqual([]);
  await node.identity.sweep();
  expect((await keys())[0]!.search_key).toBe("demir");
});
