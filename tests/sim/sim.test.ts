import { expect, test } from "bun:test";
import { waitUntil } from "../support/wait-until.ts";
import { type Evidence, findFaults } from "./checker.ts";
import { readDatabase } from "./database.ts";
import { INJECTED_FAULTS } from "./injected-faults.ts";
import { ServerProcess } from "./server-process.ts";
import { SimulatedUsers } from "./simulated-users.ts";

/**
 * A thousand people through the SDK itself, because it is what clients use. An observer on each socket checks
 * the order before the SDK can heal anything.
 */
const SEED = Number(process.env.SIM_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SECONDS = Number(process.env.SIM_SECONDS ?? 30);
const CLIENTS = Number(process.env.SIM_CLIENTS ?? 1_000);
const RATE = Number(process.env.SIM_RATE ?? 200);
const DISTURBANCES = 15;
const CHANNELS = 24;
const STEP_MS = 50;

const step = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  const began = Date.now();
  const result = await work();
  console.log(`  ${what}: ${((Date.now() - began) / 1_000).toFixed(1)} s`);
  return result;
};

test(`${CLIENTS} people, ${RATE} writes a second, links cut, server killed and restarted: nothing lost, twice or out of order`, async () => {
  console.log(`simulation: SIM_SEED=${SEED} SIM_SECONDS=${SECONDS} SIM_CLIENTS=${CLIENTS} SIM_RATE=${RATE}`);
  const server = await step("start", () => ServerProcess.start());
  const users = new SimulatedUsers({ url: server.url, seed: SEED, people: CLIENTS, channels: CHANNELS });
  try {
    await step("all sign in and join", () => users.assemble());
    await step("writes and disturbances", () => run(users, server));
    await step("what was begun ends", () => users.settle());
    const { log, heads, messages } = await step("all reach the head", () => settle(users, server));
    const views = users.devices.flatMap((device) => device.views);
    const written = users.devices.flatMap((device) => device.written);
    const seen = views.flatMap(({ stretches }) => stretches).reduce((sum, stretch) => sum + stretch.seen.length, 0);
    const resets = views.reduce((sum, { stretches }) => sum + stretches.length - 1, 0);
    const entries = [...heads.values()].reduce((sum, head) => sum + head, 0);
    console.log(" ", JSON.stringify({ ...users.counts, entries, deliveries: seen, views: views.length, resets }));
    const evidence = { log, heads, messages, views, written };
    const faults = await step("everything is checked", async () => [...users.faults, ...findFaults(evidence)]);
    console.log(`  ${faults.length} faults`);
    expect(faults.slice(0, 20)).toEqual([]);
    await step("planted faults are caught", async () => proveChecker(evidence));
  } finally {
    for (const { client } of users.devices) client.close();
    await step("end", () => server.remove());
  }
}, 300_000);

/** That nothing was found means something only if something can be found, in this very evidence. */
function proveChecker(evidence: Evidence): void {
  for (const [name, plant] of Object.entries(INJECTED_FAULTS)) {
    const mend = plant(evidence);
    expect([name, findFaults(evidence).length > 0]).toEqual([name, true]);
    mend();
  }
  expect(findFaults(evidence)).toEqual([]);
}

/** The load, by the clock; in the middle of it the server dies once and is restarted in order once. */
async function run(users: SimulatedUsers, server: ServerProcess): Promise<void> {
  const steps = (SECONDS * 1_000) / STEP_MS;
  const began = Date.now();
  let faults = Promise.resolve();
  for (let index = 0; index < steps; index++) {
    if (index === Math.floor(steps * 0.3)) faults = faults.then(() => kill(server));
    if (index === Math.floor(steps * 0.65)) faults = faults.then(() => restart(server));
    for (let n = 0; n < every(index, RATE); n++) users.write();
    for (let n = 0; n < every(index, DISTURBANCES); n++) users.disturb();
    await Bun.sleep(Math.max(0, began + index * STEP_MS - Date.now()));
  }
  await faults;
}

/** How many of so many a second fall into this step. */
function every(index: number, perSecond: number): number {
  const until = (n: number) => Math.floor((n * perSecond * STEP_MS) / 1_000);
  return until(index + 1) - until(index);
}

async function kill(server: ServerProcess): Promise<void> {
  await step("kill -9 and start", async () => {
    await server.kill();
    await server.start();
  });
}

async function restart(server: ServerProcess): Promise<void> {
  await step("graceful restart", async () => {
    expect(await server.stop()).toBe(0);
    await server.start();
  });
}

/** Waits until all are connected, have sent all and seen all; the checker names those that do not get there. */
async function settle(users: SimulatedUsers, server: ServerProcess) {
  const url = await server.databaseUrl();
  const quiet = () => users.devices.every((device) => device.isSettled(new Map()));
  await waitUntil("all are live and have sent all", quiet).catch(report);
  const database = await readDatabase(url);
  await waitUntil("all are at the head", () => users.devices.every((device) => device.isSettled(database.heads))).catch(
    report,
  );
  return database;
}

function report(error: unknown): void {
  console.log(`  ${String(error)}`);
}
