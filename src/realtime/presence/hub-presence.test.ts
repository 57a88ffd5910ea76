import { afterAll, expect, test } from "bun:test";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { createMemoryPresence } from "./memory-store.ts";
import type { PresenceStore } from "./presence-store.ts";
import { TestNode } from "./test-node.ts";

const TIMES = { interval: 10, grace: 150, ttl: 60_000, settle: 50, countInterval: 100 };
const ROOM = "channel:1";
const nodes: TestNode[] = [];
afterAll(async () => {
  for (const { presence } of nodes) await presence.stop();
});

function startNode(store: PresenceStore = createMemoryPresence(), times = TIMES): TestNode {
  const node = new TestNode(store, times);
  nodes.push(node);
  return node;
}

/** Waits for `count` syncs: what was due by then was sent. */
async function waitForSyncs(store: PresenceStore & { writes: number }, count: number): Promise<void> {
  // A sync writes once, and once more when it has something to send.
  const until = store.writes + 2 * (count + 1);
  await waitUntil(`${count} syncs are done`, () => store.writes >= until);
}

/** A store that counts its writes, can be away, and can lose its data. */
function watchedStore(): PresenceStore & { writes: number; away: boolean; losesDataInSync: boolean; forget(): void } {
  let inner = createMemoryPresence();
  let known = true;
  const unlessAway = <T>(call: () => Promise<T>) => (store.away ? Promise.reject(new Error("away")) : call());
  const store = {
    kind: "memory" as const,
    writes: 0,
    away: false,
    /** Loses all data once, between the write and the read of a sync. */
    losesDataInSync: false,
    forget() {
      inner = createMemoryPresence();
      known = false;
    },
    async write(...args: Parameters<PresenceStore["write"]>) {
      store.writes++;
      await unlessAway(() => inner.write(...args));
      const before = known;
      known = true;
      return before;
    },
    readOwn: () => unlessAway(() => inner.readOwn()),
    sweep() {
      if (store.losesDataInSync) store.forget();
      store.losesDataInSync = false;
      return unlessAway(() => inner.sweep());
    },
    read: (...args: Parameters<PresenceStore["read"]>) => unlessAway(() => inner.read(...args)),
  };
  return store;
}

test("PR-1 a watcher gets the list first and then changes; others get nothing, nor does a watcher in a room without members", async () => {
  const store = watchedStore();
  const node = startNode(store);
  const [ann, bob, eve] = [node.open("ann"), node.open("bob"), node.open("eve")];
  ann.join(ROOM, true);
  bob.join(ROOM);
  eve.join("event:1", true);
  await waitUntil("ann has a list of two", () => ann.present(ROOM)?.length === 2);
  expect(ann.types()[0]).toBe("room:presence");
  const late = node.open("late");
  late.join(ROOM);
  await waitUntil("ann saw them join", () => ann.present(ROOM)?.includes("late"));
  expect(ann.frames.at(-1)).toEqual({
    type: "room:member_joined",
    payload: { room: ROOM, count: 3, members: [{ user_id: "late", username: "name of late" }] },
  });
  late.leave(ROOM);
  await waitUntil("ann saw them leave", () => !ann.present(ROOM)?.includes("late"));
  expect(ann.frames.at(-1)).toMatchObject({ type: "room:member_left", payload: { room: ROOM, count: 2 } });
  expect([...bob.frames, ...eve.frames, ...late.frames]).toEqual([]);
  ann.leave(ROOM);
  const framesBefore = ann.frames.length;
  node.open("more").join(ROOM);
  await waitForSyncs(store, 2);
  expect(ann.frames).toHaveLength(framesBefore);
});

test("PR-2 a person counts once for all connections, and one who is back within the grace has not left", async () => {
  const store = watchedStore();
  // Away for two syncs of 10 ms: also on a busy machine that is less than the grace.
  const times = { ...TIMES, grace: 2_000 };
  const node = startNode(store, times);
  const watcher = node.open("watcher");
  const leaver = node.open("leaver");
  watcher.join(ROOM, true);
  leaver.join(ROOM);
  let phone = node.open("ann");
  const laptop = node.open("ann");
  phone.join(ROOM);
  laptop.join(ROOM);
  await waitUntil("both are there", () => watcher.present(ROOM)?.length === 3);
  const framesBefore = watcher.frames.length;
  laptop.close();
  await waitForSyncs(store, 2);
  for (let again = 0; again < 5; again++) {
    phone.close();
    await waitForSyncs(store, 2);
    phone = node.open("ann");
    phone.join(ROOM);
  }
  // When a person who left after all this is removed, the grace of everything before is over.
  leaver.close();
  await waitUntil("the leaver has left", () => !watcher.present(ROOM)?.includes("leaver"));
  await waitForSyncs(store, 2);
  const left = watcher.frames.slice(framesBefore);
  expect(left.map(({ type, payload }) => [type, payload.members?.map(({ user_id }) => user_id)])).toEqual([
    ["room:member_left", ["leaver"]],
  ]);
  phone.close();
  await waitUntil("ann has left", () => !watcher.present(ROOM)?.includes("ann"));
});

test("PR-3 many changes are one frame; above 200 people there is a count at intervals, and no names", async () => {
  const store = watchedStore();
  const node = startNode(store);
  const watcher = node.open("watcher");
  watcher.join(ROOM, true);
  await waitUntil("the first list", () => watcher.frames.length > 0);
  const clients = Array.from({ length: 199 }, (_, i) => node.open(`u${i}`));
  for (const client of clients) client.join(ROOM);
  await waitUntil("200 are there", () => watcher.present(ROOM)?.length === 200);
  expect(watcher.types().slice(0, 2)).toEqual(["room:presence", "room:member_joined"]);
  const before = watcher.frames.length;
  expect(before).toBeLessThanOrEqual(3);

  for (let i = 0; i < 10; i++) {
    node.open(`more ${i}`).join(ROOM);
    await waitForSyncs(store, 1);
  }
  const full = (count: number) => ({ type: "room:presence" as const, payload: { room: ROOM, count } });
  await waitUntil("the count is sent", () => Bun.deepEquals(watcher.frames.at(-1), full(210)));
  // Ten joined in ten syncs: with the first the list ended, for the others the count was sent once in ten syncs.
  expect(watcher.types().slice(before)).toSatisfy((types) => types.every((type) => type === "room:presence"));
  expect(watcher.frames.length - before).toBeLessThan(10);

  for (const client of clients.slice(0, 20)) client.close();
  await waitUntil("the list is back", () => watcher.present(ROOM)?.length === 190);
});

test("PR-5 while the store is away or after it lost data nothing wrong is sent, and then everything is right again", async () => {
  const store = watchedStore();
  const node = startNode(store);
  const watcher = node.open("watcher");
  watcher.join(ROOM, true);
  const [stays, leaves] = [node.open("stays"), node.open("leaves")];
  stays.join(ROOM);
  leaves.join(ROOM);
  await waitUntil("all are there", () => watcher.present(ROOM)?.length === 3);
  const framesBefore = watcher.frames.length;

  store.away = true;
  leaves.close();
  node.open("comes").join(ROOM);
  await waitForSyncs(store, 20);
  expect(watcher.frames).toHaveLength(framesBefore);
  expect(node.warned).toEqual(["presence is paused until its store is available"]);
  expect(node.presence.get(ROOM)).rejects.toMatchObject({ code: "unavailable" });

  store.forget();
  store.away = false;
  await waitUntil("the right list is sent", () => Bun.deepEquals(watcher.present(ROOM), ["comes", "stays", "watcher"]));
  const changed = watcher.frames
    .slice(framesBefore)
    .flatMap(({ payload }) => payload.members?.map(({ user_id }) => user_id));
  expect(changed.sort()).toEqual(["comes", "leaves"]);
  expect(await node.presence.get(ROOM)).toMatchObject({ room: ROOM, count: 3 });
  expect(node.presence.get("event:1")).rejects.toMatchObject({ code: "not_found" });
});

test("PR-5 data that the store loses between the write and the read of a sync is not sent as people who left", async () => {
  const store = watchedStore();
  const node = startNode(store);
  const [ann, bob, cem] = [node.open("ann"), node.open("bob"), node.open("cem")];
  ann.join(ROOM, true);
  bob.join(ROOM);
  await waitUntil("ann has a list of two", () => ann.present(ROOM)?.length === 2);
  store.losesDataInSync = true;
  await waitUntil("the data is lost", () => !store.losesDataInSync);
  cem.join(ROOM);
  await waitUntil("ann has a list of three", () => ann.present(ROOM)?.length === 3);
  expect(ann.types()).not.toContain("room:member_left");
});

test("rooms that are no longer watched are not read", async () => {
  let reads = 0;
  const store = watchedStore();
  const read: PresenceStore["read"] = (...args) => {
    reads++;
    return store.read(...args);
  };
  const node = startNode({ ...store, read });
  const watcher = node.open("watcher");
  watcher.join(ROOM, true);
  await waitUntil("the first list", () => watcher.frames.length > 0);
  watcher.close();
  await waitForSyncs(store, 2);
  const before = reads;
  await waitForSyncs(store, 3);
  expect(reads).toBe(before);
});
