import { afterAll, beforeAll, expect, test } from "bun:test";
import type { SignedIn } from "../../../sdk/rest.ts";
import { type SdkApp, startSdkApp } from "../../../tests/support/sdk-app.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { ChannelListStore } from "./channel-list-store.ts";
import { followChannelList } from "./channel-list-stream.ts";

/** The list of channels over the SDK, against a real server. */
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

/** Bob's list, kept up to date, and Ann's client. `epoch`: of the list's position, to test another epoch. */
async function follow(epoch?: string) {
  const [author, reader] = [app.connect(ann), app.connect(bob)];
  const list = await reader.rest.channels.list({ scope: "joined", limit: 100 });
  const { position } = list as unknown as { position: { seq: number; epoch: string } };
  const at = epoch === undefined ? position : { ...position, epoch };
  const channelList = new ChannelListStore({ me: await reader.rest.users.me(), channels: list.data, position: at });
  closing.push(followChannelList(reader, channelList, at));
  const make = async (name: string) => (await author.rest.channels.create({ type: "public", name })).id;
  return { author, reader, channelList, make };
}

test("a channel is in the list from joining to leaving it, on any device, and counts what is unread", async () => {
  const { author, reader, channelList, make } = await follow();
  const id = await make("one");
  await reader.rest.members.add(id);
  await waitUntil("it is in the list", () => channelList.find(id) !== undefined);
  await author.rest.messages.send(id, { content: "one" });
  const { id: second } = await author.rest.messages.send(id, { content: "two" });
  await waitUntil("both are counted", () => channelList.find(id)?.unread === 2);
  await author.rest.messages.delete(second);
  await waitUntil("what is deleted is not counted", () => channelList.find(id)?.unread === 1);
  await author.rest.channels.update(id, { name: "renamed" });
  await waitUntil("it has its new name", () => channelList.find(id)?.name === "renamed");
  await reader.rest.members.remove(id, "me");
  await waitUntil("it is gone", () => channelList.find(id) === undefined);
});

test("a channel is not in the list after the user is removed or the channel is deleted", async () => {
  const { author, reader, channelList, make } = await follow();
  const [removed, deleted] = [await make("removed"), await make("deleted")];
  for (const id of [removed, deleted]) await reader.rest.members.add(id);
  await waitUntil(
    "both are in the list",
    () => channelList.find(removed) !== undefined && channelList.find(deleted) !== undefined,
  );
  await author.rest.members.remove(removed, bob.user.id);
  await author.rest.channels.delete(deleted);
  await waitUntil(
    "both are gone",
    () => channelList.find(removed) === undefined && channelList.find(deleted) === undefined,
  );
});

test("a list of another epoch is read again, and later messages are counted once", async () => {
  const earlier = await follow();
  const id = await earlier.make("again");
  await earlier.reader.rest.members.add(id);
  await earlier.author.rest.messages.send(id, { content: "before" });
  const { author, reader, channelList } = await follow("another epoch");
  await author.rest.messages.send(id, { content: "after" });
  await waitUntil("both are counted", () => channelList.find(id)?.unread === 2);
  expect((await reader.rest.channels.get(id)).unread).toBe(2);
});
