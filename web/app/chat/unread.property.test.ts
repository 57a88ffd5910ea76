import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { Me, Message } from "../../../protocol/objects.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";
import type { UserCaller } from "../../../src/platform/caller.ts";
import { type ChatNode, startChatNode } from "../../../tests/support/chat-node.ts";
import { chooseSeed } from "../../../tests/support/seeded.ts";
import { ChannelListStore } from "./channel-list-store.ts";

let node: ChatNode;
let ann: UserCaller;
let bob: UserCaller;

beforeAll(async () => {
  node = await startChatNode();
  [ann, bob] = [await node.person("ann"), await node.person("bob")];
});
afterAll(() => node.stop());

const which = fc.nat(30);
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), mine: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("mark" as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("show" as const), entries: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("apply mark" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("read list" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("show list" as const) }) },
);

test("what is unread in a tab is what the server counts, whatever is sent, deleted, marked and received late", async () => {
  const seed = chooseSeed("unread in a tab");
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60, size: "max" }), async (acts) => {
      const { channel } = await node.channels.create(ann, {
        type: "private",
        name: "x",
        member_ids: [bob.userId],
      });
      const room = `channel:${channel.id}`;
      const read = async () => [await node.channels.get(ann, channel.id)];
      const me: Me = {
        id: ann.userId,
        username: "ann",
        name: null,
        email: null,
        phone: null,
        role: "member",
        created_at: "",
      };
      let [listed] = [await read()];
      const channelList = new ChannelListStore({ me, channels: listed, position: { seq: 0, epoch: "e" } });
      const sent: Message[] = [];
      node.hubCalls.length = 0;

      /** Entries come in order; the marks of the person's own room come in any order between them. */
      let shown = listed[0]!.last_seq;
      const show = async (entries: number) => {
        const more = (await node.log(room)).slice(shown, shown + entries);
        for (const { type, seq, payload } of more) {
          channelList.applyChannelFrame(channel.id, { room, type, seq, payload: JSON.parse(payload) } as RoomFrame);
        }
        shown += more.length;
      };
      const marks: {
        channel_id: string;
        last_read_id: string;
        last_read_seq: number;
        unread: number;
        last_seq: number;
      }[] = [];

      for (const step of acts) {
        const message = "which" in step ? sent[step.which] : undefined;
        if (step.do === "send") {
          const input = { channel_id: channel.id, content: "x" };
          sent.push((await node.sendMessage(step.mine ? ann : bob, input)).message);
        } else if (step.do === "delete" && message) {
          await node.messages.delete(message.user_id === ann.userId ? ann : bob, message.id);
        } else if (step.do === "mark" && message) {
          marks.push({ channel_id: channel.id, ...(await node.readMarks.mark(ann, channel.id, message.id)) });
        } else if (step.do === "apply mark" && marks.length > 0) {
          const [{ channel_id, ...mark }] = marks.splice(step.which % marks.length, 1) as [(typeof marks)[0]];
          channelList.setReadMark(channel_id, mark);
        } else if (step.do === "show") {
          await show(step.entries);
        } else if (step.do === "read list") {
          listed = await read();
        } else if (step.do === "show list") {
          channelList.refresh({ channels: listed, position: { seq: 0, epoch: "e" } });
        }
      }
      for (const { channel_id, ...mark } of marks) channelList.setReadMark(channel_id, mark);
      await show(1_000);
      const { unread, last_read_seq, last_seq } = await node.channels.get(ann, channel.id);
      expect(channelList.find(channel.id)).toMatchObject({ unread, last_read_seq, last_seq });
    }),
    { seed, numRuns: 40 },
  );
});

test("a message that was sent and deleted leaves nothing unread, in a tab as on the server", async () => {
  const { channel } = await node.channels.create(ann, { type: "private", name: "x", member_ids: [bob.userId] });
  const me: Me = {
    id: ann.userId,
    username: "ann",
    name: null,
    email: null,
    phone: null,
    role: "member",
    created_at: "",
  };
  const channelList = new ChannelListStore({ me, channels: [channel], position: { seq: 0, epoch: "e" } });
  const { message } = await node.sendMessage(bob, { channel_id: channel.id, content: "oops" });
  await node.messages.delete(bob, message.id);
  for (const { type, seq, payload, room } of (await node.log(`channel:${channel.id}`)).slice(channel.last_seq)) {
    channelList.applyChannelFrame(channel.id, { room, type, seq, payload: JSON.parse(payload) } as RoomFrame);
  }
  expect(channelList.find(channel.id)?.unread).toBe(0);
  expect((await node.channels.get(ann, channel.id)).unread).toBe(0);
});
