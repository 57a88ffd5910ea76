import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { errorCode } from "../../tests/support/error-code.ts";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

let node: IdentityNode;
let owner: Awaited<ReturnType<IdentityNode["register"]>>;
beforeAll(async () => {
  node = await startIdentityNode();
  owner = await node.register("Zoe", { name: "Zoe Owner" });
  await node.sql`
    INSERT INTO users (id, username, username_key, name, email)
    SELECT 'p' || n, 'Person' || n, 'person' || n, 'Name_' || n, 'p' || n || '@example.org'
    FROM generate_series(10, 39) n`;
});
afterAll(() => node.close());

const get = (path: string) => node.call("GET", path, undefined, { token: owner.token });
const names = (body: { data: { username: string }[] }) => body.data.map(({ username }) => username);

test("anonymous callers see no users, and no one sees an address", async () => {
  for (const path of ["/users", "/users/p10", "/users/me"]) {
    expect((await node.call("GET", path)).body.code).toBe("unauthenticated");
  }
  expect((await get("/users/p10")).body).toEqual({ id: "p10", username: "Person10", name: "Name_10" });
  expect(JSON.stringify((await get("/users?limit=100")).body)).not.toContain("@example.org");
  expect((await get("/users/unknown")).body.code).toBe("not_found");
});

test("people are paged by their names, forwards and back, without a gap or a repeat", async () => {
  const seen: string[] = [];
  let path = "/users?limit=7";
  const pages: { data: { username: string }[]; prev: string | null }[] = [];
  for (;;) {
    const { body } = await get(path);
    pages.push(body);
    seen.push(...names(body));
    if (body.next === null) break;
    path = `/users?limit=7&after=${body.next}`;
  }
  expect(seen).toHaveLength(31);
  expect(seen).toEqual([...seen].sort());
  expect(pages[0]!.prev).toBeNull();
  const back = await get(`/users?limit=7&before=${pages[2]!.prev}`);
  expect(names(back.body)).toEqual(names(pages[1]!));
  const first = await get(`/users?limit=7&before=${back.body.prev}`);
  expect(names(first.body)).toEqual(names(pages[0]!));
  expect(first.body.prev).toBeNull();
});

test("q finds the start of a username or name in any case; special characters of LIKE are literal", async () => {
  expect(names((await get("/users?q=PERSON1")).body)).toHaveLength(10);
  expect(names((await get("/users?q=name_2")).body)).toHaveLength(10);
  expect(names((await get("/users?q=zoe")).body)).toEqual(["Zoe"]);
  for (const q of ["%25", "_", "per%25", "erson", "%5C", "';--"])
    expect(names((await get(`/users?q=${q}`)).body)).toEqual([]);
});

test("ids returns those that exist", async () => {
  expect(names((await get("/users?ids=p11,unknown,p10")).body).sort()).toEqual(["Person10", "Person11"]);
  for (const ids of ["", "a b", "x,", Array.from({ length: 101 }, (_, n) => `p${n}`).join(",")]) {
    expect((await get(`/users?ids=${encodeURIComponent(ids)}`)).body.code).toBe("invalid");
  }
  const longest = Array<string>(64).fill("x".repeat(255)).join(",");
  expect((await get(`/users?ids=${longest}`)).status).toBe(200);
  expect((await get(`/users?ids=${longest},${longest}`)).body.errors[0].pointer).toBe("/query/ids");
});

test("a cursor that was not created here is refused, two at once too", async () => {
  for (const cursor of ["***", "AA", "%00", "====", "ł"]) {
    expect((await get(`/users?after=${encodeURIComponent(cursor)}`)).body.code).toBe("invalid");
  }
  expect((await get("/users?after=YQ&before=YQ")).body.code).toBe("invalid");
});

test("other modules look people up in one query, by ids", async () => {
  const { users } = node.identity;
  expect(await users.get([])).toEqual(new Map());
  expect(await users.get(["p10", "unknown"])).toEqual(
    new Map([["p10", { id: "p10", username: "Person10", name: "Name_10" }]]),
  );
});

test("one's own data changes field by field; the new name applies at once to existing tokens", async () => {
  const { id, token } = await node.register("before");
  const patch = (body: unknown) => node.call("PATCH", "/users/me", body, { token });
  expect((await patch({ phone: "+49 30 123456" })).body).toMatchObject({ phone: "+49 30 123456", username: "before" });
  expect((await patch({ name: "After" })).body).toMatchObject({ name: "After", phone: "+49 30 123456" });
  expect((await patch({ name: null })).body.name).toBeNull();
  expect((await patch({})).body.username).toBe("before");
  await node.identity.authenticate(token, "api");
  expect((await patch({ username: "After" })).body.username).toBe("After");
  expect((await node.identity.authenticate(token, "api")).username).toBe("After");
  expect(node.renamed).toContainEqual({ id, username: "After" });
  expect((await patch({ username: "ZOE" })).body.code).toBe("username_taken");
  for (const wrong of [
    { username: "a b" },
    { username: "x\ufdfax" },
    { role: "owner" },
    { phone: "call me" },
    { name: "" },
    { id },
  ]) {
    expect((await patch(wrong)).body.code).toBe("invalid");
  }
});

test("text with a meaning for SQL or HTML is stored as it is; text that PostgreSQL cannot store is refused", async () => {
  const { token } = await node.register("hostile");
  for (const name of ["'; DROP TABLE users; --", "<script>alert(1)</script>", "\u{1F600}", "a".repeat(80)]) {
    const { body } = await node.call("PATCH", "/users/me", { name }, { token });
    expect(body.name).toBe(name);
  }
  expect((await node.call("PATCH", "/users/me", { name: "a\0b" }, { token })).body.code).toBe("invalid");
  expect((await node.login("unknown\0", "x")).body.code).toBe("invalid");
});

test("of an erased person only the id remains; the name and the address are free again", async () => {
  const person = await node.register("gone", { name: "Secret Name", phone: "+49 30 999999" });
  const before = JSON.stringify(await node.identity.exportUser(person.id));
  for (const text of ["Secret Name", "gone@example.org", "+49 30 999999"]) expect(before).toContain(text);
  expect(before).not.toContain("argon2id");
  await node.identity.erase(person.id);
  expect(await errorCode(node.identity.authenticate(person.token, "api"))).toBe("unauthenticated");
  const rows = await node.sql`SELECT to_jsonb(u) AS row FROM users u WHERE id = ${person.id}`;
  for (const text of ["Secret Name", "gone@example.org", "+49 30 999999", '"gone"']) {
    expect(JSON.stringify(rows)).not.toContain(text);
  }
  expect(await node.identity.exportUser(person.id)).toBeNull();
  expect((await node.identity.users.get([person.id])).get(person.id)?.username).toBe(`deleted:${person.id}`);
  expect((await node.login("gone")).body.code).toBe("invalid_credentials");
  await node.register("gone");
  expect(await errorCode(node.identity.erase(owner.id))).toBe("last_owner");
});
