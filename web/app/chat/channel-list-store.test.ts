import { expect, test } from "bun:test";
import type { Channel, Me } from "../../../protocol/objects.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";
import { ChannelListStore } from "./channel-list-store.ts";

const me: Me = {
  id: "1",
  username: "ada",
  name: null,
  email: null,
  phone: null,
  role: "member",
  created_at: "2026-11-21T12:00:00.000Z",
};

function channel(id: string, more: Partial<Channel> = {}): Channel {
  return {
    id,
    type: "public",
    name: `channel ${id}`,
    topic: null,
    member_count: 2,
    peer: null,
    last_seq: 5,
    role: "member",
    unread: 0,
    last_read_id: null,
    last_read_seq: 0,
    created_at: "2026-11-21T12:00:00.000Z",
    ...more,
  };
}

function message(user_id: string, seq: number): RoomFrame {
  const created_at = "2026-11-21T12:00:00.000Z";
  const rest = { client_id: null, reply_to_id: null, created_at, edited_at: null, deleted_at: null };
  const payload = { message_id: String(seq), channel_id: "8", user_id, username: user_id, content: "x", ...rest };
  return { type: "message:created", room: "channel:8", seq, payload };
}

const start = () => new ChannelListStore({ me, channels: [channel("8")], position: { seq: 3, epoch: "e" } });
const unread = (channelList: ChannelListStore) => channelList.find("8")?.unread;

test("messages of others count as unread, but not one's own and not visible ones", () => {
  const store = start();
  store.applyChannelFrame("8", message("2", 6));
  store.applyChannelFrame("8", message("1", 7));
  expect(unread(store)).toBe(1);
  store.activeChannelId = "8";
  store.applyChannelFrame("8", message("2", 8));
  expect(unread(store)).toBe(1);
  store.setReadMark("8", { last_read_id: "108", last_read_seq: 8, unread: 0 });
  expect(unread(store)).toBe(0);
  store.setReadMark("8", { last_read_id: "106", last_read_seq: 6, unread: 2 });
  expect(store.find("8")).toMatchObject({ last_read_id: "108", last_read_seq: 8, unread: 0 });
});

test("a channel whose end is visible stays read when a mark counts messages that have not arrived yet", () => {
  const store = start();
  store.activeChannelId = "8";
  store.setReadMark("8", { last_read_id: "101", last_read_seq: 1, unread: 3 });
  expect(unread(store)).toBe(0);
  store.activeChannelId = null;
  store.setReadMark("8", { last_read_id: "102", last_read_seq: 2, unread: 3 });
  expect(unread(store)).toBe(3);
});

test("a snapshot that was read before a frame does not undo it", () => {
  const store = start();
  store.applyChannelFrame("8", message("2", 6));
  store.refresh({ channels: [channel("8")], position: { seq: 3, epoch: "e" } });
  expect(unread(store)).toBe(1);

  store.applyUserFrame({ type: "channel:joined", room: "user:1", seq: 4, payload: channel("9") });
  store.refresh({ channels: [channel("8")], position: { seq: 3, epoch: "e" } });
  expect(store.find("9")).toBeDefined();

  store.refresh({ channels: [channel("8", { last_seq: 6, unread: 4 })], position: { seq: 5, epoch: "e" } });
  expect(unread(store)).toBe(4);
  expect(store.find("9")).toBeUndefined();
});

test("with another epoch the snapshot replaces everything, whatever its seqs", () => {
  const store = start();
  store.applyChannelFrame("8", message("2", 6));
  store.replace({ channels: [channel("8", { last_seq: 1 })], position: { seq: 0, epoch: "f" } });
  expect(store.find("8")?.last_seq).toBe(1);
});

test("leaving removes a channel from the list, by a frame of either room", () => {
  const store = start();
  store.applyChannelFrame("8", {
    type: "member:left",
    room: "channel:8",
    seq: 6,
    payload: { channel_id: "8", user_id: "1" },
  });
  expect(store.find("8")).toBeUndefined();
  store.applyUserFrame({ type: "channel:left", room: "user:1", seq: 4, payload: { channel_id: "8" } });
  expect(store.channels.get()).toEqual([]);
});

test("names, topics, counts and the own role follow the frames of a channel; a deleted channel is removed from the list", () => {
  const store = start();
  const in8 = { room: "channel:8" };
  const user = (id: string) => ({ id, username: id, name: null });
  const member = (id: string, role: "member" | "admin") => ({
    channel_id: "8",
    user: user(id),
    role,
    joined_at: "2026-11-21T12:00:00.000Z",
  });
  const named = { channel_id: "8", name: "renamed", topic: "new" };
  store.applyChannelFrame("8", { ...in8, type: "channel:updated", seq: 6, payload: named });
  store.applyChannelFrame("8", { ...in8, type: "member:joined", seq: 7, payload: member("2", "member") });
  store.applyChannelFrame("8", { ...in8, type: "member:joined", seq: 8, payload: member("3", "member") });
  store.applyChannelFrame("8", { ...in8, type: "member:left", seq: 9, payload: { channel_id: "8", user_id: "2" } });
  store.applyChannelFrame("8", { ...in8, type: "member:updated", seq: 10, payload: member("3", "admin") });
  expect(store.find("8")).toEqual(channel("8", { name: "renamed", topic: "new", member_count: 3, last_seq: 10 }));
  store.applyChannelFrame("8", { ...in8, type: "member:updated", seq: 11, payload: member("1", "admin") });
  expect(store.find("8")?.role).toBe("admin");
  store.applyChannelFrame("8", { ...in8, type: "channel:deleted", seq: 12, payload: { channel_id: "8" } });
  expect(store.channels.get()).toEqual([]);
});
