import { expect, test } from "bun:test";
import type { PublicUser } from "../../../protocol/objects.ts";
import { DisplayNames, getDisplayName } from "./display-names.ts";

const ada = { user_id: "1", username: "ada" };
const ben = { user_id: "2", username: "ben" };
const gone = { user_id: "3", username: "gone" };

function server(...people: PublicUser[]) {
  const requested: string[] = [];
  let release = () => {};
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  const list = async ({ ids = [] }: { ids?: readonly string[] } = {}) => {
    requested.push(ids.join(","));
    await opened;
    return { data: people.filter(({ id }) => ids.includes(id)), next: null, prev: null };
  };
  return { requested, release, rest: { users: { list } } };
}

test("the display name is the name that the person chose, else their username", () => {
  const people = new DisplayNames([
    { id: "1", username: "ada", name: "Ada Lovelace" },
    { id: "2", username: "ben", name: null },
  ]);
  expect([ada, ben, gone].map((author) => getDisplayName(people.names.get(), author))).toEqual([
    "Ada Lovelace",
    "ben",
    "gone",
  ]);
});

test("each person is requested once, and those who come meanwhile in one request", async () => {
  const people = new DisplayNames([]);
  const { requested, release, rest } = server({ id: "1", username: "ada", name: "Ada Lovelace" });
  const loading = people.loadMissing(rest, [ada, ada]);
  await people.loadMissing(rest, [ben]);
  await people.loadMissing(rest, [gone, ada]);
  release();
  await loading;
  await people.loadMissing(rest, [ada, ben, gone]);
  expect(requested).toEqual(["1", "2,3"]);
  expect(getDisplayName(people.names.get(), ada)).toBe("Ada Lovelace");
});

test("a failed request is repeated with the next message", async () => {
  const people = new DisplayNames([]);
  const { requested, release, rest } = server({ id: "1", username: "ada", name: "Ada Lovelace" });
  await people.loadMissing({ users: { list: () => Promise.reject(new Error("offline")) } }, [ada]);
  release();
  await people.loadMissing(rest, [ben]);
  expect(requested).toEqual(["1,2"]);
  expect(getDisplayName(people.names.get(), ada)).toBe("Ada Lovelace");
});
