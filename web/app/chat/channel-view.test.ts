import { afterAll, beforeAll, expect, test } from "bun:test";
import type { SignedIn } from "../../../sdk/rest.ts";
import { type SdkApp, startSdkApp } from "../../../tests/support/sdk-app.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { ChannelView } from "./channel-view.ts";

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

/** A channel of Ann's with so many messages, and Bob's view of it. `epoch`: of the page, to test another one. */
async function open(name: string, count: number, epoch?: string) {
  const [author, reader] = [app.connect(ann), app.connect(bob)];
  const { id } = await author.rest.channels.create({ type: "public", name });
  await reader.rest.members.add(id);
  for (let n = 1; n <= count; n++) await author.rest.messages.send(id, { content: `text ${n}` });
  const page = await reader.rest.messages.list(id, { limit: 20 });
  const channelView = new ChannelView(id, epoch === undefined ? page : { ...page, epoch }, [], [], null);
  const received: string[] = [];
  closing.push(
    channelView.connect(reader, bob.user.id, {
      onMessage: (_, content) => received.push(content),
      onMembersChange() {},
    }),
  );
  const send = async (content: string) => (await author.rest.messages.send(id, { content })).id;
  return { id, channelView, received, send, author, reader };
}

const texts = (view: ChannelView) => view.window.get().messages.map(({ content }) => content);
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `text ${from + n}`);

test("older pages are added to the window without a gap or a repetition, and concurrent calls are one", async () => {
  const { channelView } = await open("older", 90);
  expect(texts(channelView)).toEqual(numbers(71, 90));
  await Promise.all([channelView.loadOlder(), channelView.loadOlder()]);
  expect(texts(channelView)).toEqual(numbers(21, 90));
  await channelView.loadOlder();
  expect([texts(channelView), channelView.window.get().hasOlder]).toEqual([numbers(1, 90), false]);
  await channelView.loadOlder();
  expect(texts(channelView)).toHaveLength(90);
});

test("a message sent while a page is read is in the window once, and announced once", async () => {
  const { channelView, received, send } = await open("meanwhile", 60);
  const loading = channelView.loadOlder();
  await Promise.all([loading, ...["a", "b", "c"].map(send)]);
  await waitUntil("all three are there", () => received.length === 3);
  expect(texts(channelView).slice(0, 60)).toEqual(numbers(1, 60).slice(-60));
  expect(texts(channelView).slice(60).sort()).toEqual(["a", "b", "c"]);
});

test("around an old message the window has newer ones to load, up to what was sent meanwhile", async () => {
  const { id, channelView, reader, send } = await open("around", 130);
  const first = (await reader.rest.messages.list(id, { after: "0", limit: 1 })).data[0]!;
  await channelView.showAround(first.id);
  expect([texts(channelView)[0], channelView.window.get().hasNewer]).toEqual(["text 1", true]);
  await send("text 131");
  while (channelView.window.get().hasNewer) await channelView.loadNewer();
  await waitUntil("the newest is there", () => texts(channelView).at(-1) === "text 131");
  expect(texts(channelView).slice(-60)).toEqual(numbers(72, 131));
  await channelView.showAround(first.id);
  await channelView.showLatest();
  expect(texts(channelView).at(-1)).toBe("text 131");
});

test("an own message is outgoing until its frame arrives, and is never shown twice or not at all", async () => {
  const { channelView } = await open("own", 3);
  /** How often it was shown after each change. */
  const times: number[] = [];
  const shown = () => [...texts(channelView), ...channelView.outgoing.get().map(({ content }) => content)];
  const stop = channelView.outgoing.subscribe(() => times.push(shown().filter((text) => text === "mine").length));
  channelView.send("mine", null);
  expect(channelView.outgoing.get().map(({ content }) => content)).toEqual(["mine"]);
  await waitUntil("it has come back", () => texts(channelView).includes("mine"));
  await waitUntil("no message is outgoing", () => channelView.outgoing.get().length === 0);
  stop();
  expect(new Set(times)).toEqual(new Set([1]));
  expect(texts(channelView)).toEqual([...numbers(1, 3), "mine"]);
});

test("edits and deletions by any author change what is shown", async () => {
  const { id, channelView, author, send } = await open("changes", 2);
  const changed = await send("first text");
  await waitUntil("it is there", () => texts(channelView).includes("first text"));
  await author.rest.messages.edit(changed, "second text");
  await waitUntil("the edit is shown", () => texts(channelView).at(-1) === "second text");
  await author.rest.messages.delete(changed);
  await waitUntil("the deletion is shown", () => channelView.window.get().messages.at(-1)?.deleted_at != null);
  expect(texts(channelView)).toEqual(["text 1", "text 2", ""]);
  expect((await author.rest.messages.list(id, { limit: 20 })).data.map(({ content }) => content)).toEqual(
    texts(channelView),
  );
});

test("after a gap that the server cannot fill everything is read again, and the stream continues", async () => {
  const { channelView, send } = await open("again", 3, "another epoch");
  await send("while it was away");
  await waitUntil("it is read", () => texts(channelView).includes("while it was away"));
  await send("live again");
  await waitUntil("the stream continues", () => texts(channelView).includes("live again"));
  expect(texts(channelView)).toEqual([...numbers(1, 3), "while it was away", "live again"]);
});
