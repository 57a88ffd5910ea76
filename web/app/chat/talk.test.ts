import { afterAll, beforeAll, expect, test } from "bun:test";
import type { SignedIn } from "../../../sdk/rest.ts";
import { type SdkApp, startSdkApp } from "../../../tests/support/sdk-app.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { Talk } from "./talk.ts";

/** The conversation on the screen, over the SDK, against a real server. */
let app: SdkApp;
let ann: SignedIn;
let bob: SignedIn;
const closing: (() => void)[] = [];

beforeAll(async () => {
  app = await startSdkApp();
  [ann, bob] = [await app.register("ann"), await app.register("bob")];
}, 60_000);
afterAll(async () => {
  for (const close of closing) close();
  await app.close();
});

/** A channel of Ann's with so many messages, and Bob's view of it. `epoch`: that of the page, when it shall be another. */
async function open(name: string, said: number, epoch?: string) {
  const [author, reader] = [app.connect(ann), app.connect(bob)];
  const { id } = await author.rest.channels.create({ type: "public", name });
  await reader.rest.members.add(id);
  for (let n = 1; n <= said; n++) await author.rest.messages.send(id, { content: `text ${n}` });
  const page = await reader.rest.messages.list(id, { limit: 20 });
  const talk = new Talk(id, epoch === undefined ? page : { ...page, epoch }, [], [], null);
  const heard: string[] = [];
  closing.push(talk.connect(reader, bob.user.id, { said: (_, content) => heard.push(content), membersChanged() {} }));
  const say = async (content: string) => (await author.rest.messages.send(id, { content })).id;
  return { id, talk, heard, say, author, reader };
}

const texts = (talk: Talk) => talk.window.get().messages.map(({ content }) => content);
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `text ${from + n}`);

test("older pages join the window without a gap or a repetition, several askers being one", async () => {
  const { talk } = await open("older", 90);
  expect(texts(talk)).toEqual(numbers(71, 90));
  await Promise.all([talk.loadOlder(), talk.loadOlder()]);
  expect(texts(talk)).toEqual(numbers(21, 90));
  await talk.loadOlder();
  expect([texts(talk), talk.window.get().older]).toEqual([numbers(1, 90), false]);
  await talk.loadOlder();
  expect(texts(talk)).toHaveLength(90);
});

test("what is said while a page is read is in the window once, and is told once", async () => {
  const { talk, heard, say } = await open("meanwhile", 60);
  const loading = talk.loadOlder();
  await Promise.all([loading, ...["a", "b", "c"].map(say)]);
  await waitUntil("all three are there", () => heard.length === 3);
  expect(texts(talk).slice(0, 60)).toEqual(numbers(1, 60).slice(-60));
  expect(texts(talk).slice(60).sort()).toEqual(["a", "b", "c"]);
});

test("around an old message the window has newer ones to load, up to what was said meanwhile", async () => {
  const { id, talk, reader, say } = await open("around", 130);
  const first = (await reader.rest.messages.list(id, { after: "0", limit: 1 })).data[0]!;
  await talk.showAround(first.id);
  expect([texts(talk)[0], talk.window.get().newer]).toEqual(["text 1", true]);
  await say("text 131");
  while (talk.window.get().newer) await talk.loadNewer();
  await waitUntil("the newest is there", () => texts(talk).at(-1) === "text 131");
  expect(texts(talk).slice(-60)).toEqual(numbers(72, 131));
  await talk.showAround(first.id);
  await talk.showLatest();
  expect(texts(talk).at(-1)).toBe("text 131");
});

test("an own message is on its way until it comes back, and is never shown twice or not at all", async () => {
  const { talk } = await open("own", 3);
  /** How often it was on the screen after each change. */
  const times: number[] = [];
  const shown = () => [...texts(talk), ...talk.outgoing.get().map(({ content }) => content)];
  const stop = talk.outgoing.subscribe(() => times.push(shown().filter((text) => text === "mine").length));
  talk.send("mine", null);
  expect(talk.outgoing.get().map(({ content }) => content)).toEqual(["mine"]);
  await waitUntil("it has come back", () => texts(talk).includes("mine"));
  await waitUntil("nothing is on its way", () => talk.outgoing.get().length === 0);
  stop();
  expect(new Set(times)).toEqual(new Set([1]));
  expect(texts(talk)).toEqual([...numbers(1, 3), "mine"]);
});

test("edits and deletions change what is shown, whoever made them", async () => {
  const { id, talk, author, say } = await open("changes", 2);
  const changed = await say("first text");
  await waitUntil("it is there", () => texts(talk).includes("first text"));
  await author.rest.messages.edit(changed, "second text");
  await waitUntil("the edit is shown", () => texts(talk).at(-1) === "second text");
  await author.rest.messages.delete(changed);
  await waitUntil("the deletion is shown", () => talk.window.get().messages.at(-1)?.deleted_at != null);
  expect(texts(talk)).toEqual(["text 1", "text 2", ""]);
  expect((await author.rest.messages.list(id, { limit: 20 })).data.map(({ content }) => content)).toEqual(texts(talk));
});

test("after a gap that the server cannot fill everything is read again, and goes on", async () => {
  const { talk, say } = await open("again", 3, "another life of the log");
  await say("while it was away");
  await waitUntil("it is read", () => texts(talk).includes("while it was away"));
  await say("live again");
  await waitUntil("it goes on", () => texts(talk).includes("live again"));
  expect(texts(talk)).toEqual([...numbers(1, 3), "while it was away", "live again"]);
});
