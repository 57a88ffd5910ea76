import { expect, test } from "bun:test";
import type { PublicUser } from "../../../protocol/objects.ts";
import { DisplayNames, getDisplayName } from "./display-names.ts";

const ada = { user_id: "1", username: "ada" };
const ben = { user_id: "2", username: "ben" };
const gone = { user_id: "3", username: "gone" };

function server(...people: PublicUser[]) {
  const asked: string[] = [];
  let release = () => {};
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  const list = async ({ ids = [] }: { ids?: readonly string[] } = {}) => {
    asked.push(ids.join(","));
    await opened;
    return { data: people.filter(({ id }) => ids.includes(id)), next: null, prev: null };
  };
  return { asked, release, rest: { users: { list } } };
}

test("a person is called by the name that they chose, else by their username", () => {
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

test("each person is asked for once, and those who come meanwhile in one question", async () => {
  const people = new DisplayNames([]);
  const { asked, release, rest } = server({ id: "1", username: "ada", name: "Ada Lovelace" });
  const meeting = people.loadMissing(rest, [ada, ada]);
  await people.loadMissing(rest, [ben]);
  await people.loadMissing(rest, [gone, ada]);
  release();
  await meeting;
  await people.loadMissing(rest, [ada, ben, gone]);
  expect(asked).toEqual(["1", "2,3"]);
  expect(getDisplayName(people.names.get(), ada)).toBe("Ada Lovelace");
});

test("a question that failed is asked again with the next message", async () => {
  const people = new DisplayNames([]);
  const { asked, release, rest } = server({ id: "1", username: "ada", name: "Ada Lovelace" });
  await people.loadMissing({ users: { list: () => Promise.reject(new Error("offline")) } }, [ada]);
  release();
  await people.loadMissing(rest, [ben]);
  expect(asked).toEqual(["1,2"]);
  expect(getDisplayName(people.names.get(), ada)).toBe("Ada Lovelace");
});
