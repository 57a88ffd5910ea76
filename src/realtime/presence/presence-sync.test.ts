import { expect, test } from "bun:test";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { createMemoryPresence } from "./memory-store.ts";
import { PresenceState } from "./presence-state.ts";
import { PresenceSync } from "./presence-sync.ts";
import { PRESENCE_TIMES } from "./times.ts";

const ROOM = "channel:1";

test("PR-5 a name that was changed while the store was away is written when it is back", async () => {
  const store = createMemoryPresence();
  const write = store.write;
  let refused = 0;
  let away = false;
  store.write = async (...args) => {
    if (!away) return write(...args);
    refused++;
    throw new Error("away");
  };
  const readName = async () => (await store.read(new Map([[ROOM, null]]), 10)).get(ROOM)?.members?.get("ann");
  let name = "before";
  const state = new PresenceState();
  const sync = new PresenceSync(
    {
      store,
      state,
      listLocal: () => [{ room: ROOM, userId: "ann", username: name }],
      getUsername: () => name,
      logger: { warn() {} },
      times: { ...PRESENCE_TIMES, interval: 5, settle: 5 },
    },
    async () => {},
  );
  state.markJoined(ROOM, "ann");
  sync.start();
  await waitUntil("ann is there", async () => (await readName()) === "before");
  away = true;
  name = "after";
  state.markJoined(ROOM, "ann");
  await waitUntil("some syncs have failed", () => refused > 2);
  away = false;
  await waitUntil("her new name is written", async () => (await readName()) === "after", 5_000);
  await sync.stop();
  expect(await readName()).toBe("after");
});
