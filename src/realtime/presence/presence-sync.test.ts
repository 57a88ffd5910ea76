import { expect, test } from "bun:test";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { createMemoryPresence } from "./memory-store.ts";
import { PresenceState } from "./presence-state.ts";
import { PresenceSync } from "./presence-sync.ts";
import { PRESENCE_TIMES } from "./times.ts";

const ROOM = "channel:1";

test("PR-5 a name that was changed while the store was away is told when it is back", async () => {
  const store = createMemoryPresence();
  const write = store.write;
  let refused = 0;
  let away = false;
  store.write = async (...args) => {
    if (!away) return write(...args);
    refused++;
    throw new Error("away");
  };
  const told = async () => (await store.read(new Map([[ROOM, null]]), 10)).get(ROOM)?.people?.get("ann");
  let name = "before";
  const state = new PresenceState();
  const rounds = new PresenceSync(
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
  rounds.start();
  await waitUntil("ann is there", async () => (await told()) === "before");
  away = true;
  name = "after";
  state.markJoined(ROOM, "ann");
  await waitUntil("some rounds have failed", () => refused > 2);
  away = false;
  await waitUntil("her new name is told", async () => (await told()) === "after", 5_000);
  await rounds.stop();
  expect(await told()).toBe("after");
});
