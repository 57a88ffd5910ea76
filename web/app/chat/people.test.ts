import { expect, test } from "bun:test";
import type { PublicUser } from "../../../protocol/objects.ts";
import { nameOf, People } from "./people.ts";

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

test("a person is called by the name that he chose, else by his username", () => {
  const people = new People([
    { id: "1", username: "ada", name: "Ada Lovelace" },
    { id: "2", username: "ben", name: null },
  ]);
  expect([ada, ben, gone].map((author) => nameOf(people.names.get(), author))).toEqual(["Ada Lovelace", "ben", "gone"]);
});

test("each person is asked for once, and those who come meanwhile in one question", async () => {
  const people = new People([]);
  const { asked, release, rest } = server({ id: "1", username: "ada", name: "Ada Lovelace" });
  const meeting = people.meet(rest, [ada, ada]);
  await people.meet(rest, [ben]);
  await people.meet(rest, [gone, ada]);
  release();
  await meeting;
  await people.meet(rest, [ada, ben, gone]);
  expect(asked).toEqual(["1", "2,3"]);
  expect(nameOf(people.names.get(), ada)).toBe("Ada Lovelace");
});

test("a question that failed is asked again with the next message", async () => {
  const people = new People([]);
  const { asked, release, rest } = server({ id: "1", username: "ada", name: "Ada Lovelace" });
  await people.meet({ users: { list: () => Promise.reject(new Error("offline")) } }, [ada]);
  release();
  await people.meet(rest, [ben]);
  expect(asked).toEqual(["1,2"]);
  expect(nameOf(people.names.get(), ada)).toBe("Ada Lovelace");
});
