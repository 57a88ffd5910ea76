import { expect, setDefaultTimeout } from "bun:test";
import { personToken } from "../support/server-api.ts";
import { testWith } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient } from "../support/ws-client.ts";
import { type BrokerKind, startCluster } from "./cluster.ts";

/** Who is in a channel, over three nodes as an operator runs them: two are killed, one is stopped gracefully. */
setDefaultTimeout(120_000);

const NAMES = ["watcher", "steady", "both", "mover", "lost-1", "lost-2", "goes"];
const MAX_LEAVE_MS = 15_000;

for (const kind of ["redis", "postgres"] as const) {
  testWith(...(kind === "redis" ? ["redis-server"] : [])).concurrent(
    `PR-4 PR-2 ${kind}: clients of a dead node leave within 15 s, those that moved or were only restarted cause no frames`,
    () => live(kind),
  );
}

async function live(kind: BrokerKind): Promise<void> {
  const cluster = await startCluster(kind);
  const [a, b, c] = cluster.nodes as [Node, Node, Node];
  try {
    const tokens = new Map(await Promise.all(NAMES.map(async (name) => [name, await personToken(name)] as const)));
    const room = await makeChannel(a.port, [...tokens.values()]);
    const come = async (name: string, { port }: Node, presence = false): Promise<WsClient> => {
      const client = await openClient(port, { query: `?token=${tokens.get(name)}` });
      await client.request("room:join", { room, presence });
      return client;
    };

    const watcher = await come("watcher", a, true);
    for (const [name, node] of [
      ["steady", a],
      ["both", a],
      ["goes", a],
      ["both", b],
    ] as const)
      await come(name, node);
    const mover = await come("mover", b);
    await come("lost-1", b);
    await come("lost-2", c);
    await waitUntil("all are seen", () => Bun.deepEquals(present(watcher, room), [...NAMES].sort()));

    await Promise.all([b.kill(), c.kill()]);
    const killed = performance.now();
    await mover.end();
    await come("mover", a);
    await waitUntil("the lost are gone", () => !present(watcher, room).some((name) => name.startsWith("lost")));
    const took = performance.now() - killed;
    console.log(`presence, ${kind}: those who were on dead nodes were gone after ${(took / 1_000).toFixed(1)} s`);
    expect(took).toBeLessThanOrEqual(MAX_LEAVE_MS);
    expect(gone(watcher)).toEqual(["lost-1", "lost-2"]);

    // A rolling restart: one node starts, another stops gracefully; its clients come back on the other one.
    await b.start();
    const other = await come("watcher", b, true);
    await waitUntil("the new node knows all", () => present(other, room).length === NAMES.length - 2);
    const drained = a.drain();
    await waitUntil("all are sent away", () => watcher.frames.some(({ type }) => type === "system:bye"));
    for (const name of ["steady", "both", "mover"]) await come(name, b);
    await drained;
    await waitUntil("who did not come back is gone", () => gone(other).length > 0);
    expect(gone(other)).toEqual(["goes"]);
    expect(present(other, room)).toEqual(["both", "mover", "steady", "watcher"]);
  } finally {
    await cluster.end();
  }
}

type Node = Awaited<ReturnType<typeof startCluster>>["nodes"][number];
type Members = { members?: { user_id: string }[] };

const named = ({ payload }: WsClient["frames"][number]) =>
  ((payload as Members).members ?? []).map(({ user_id }) => user_id);

/** Who is in the room by this client's frames, sorted. */
function present({ frames }: WsClient, room: string): string[] {
  let people = new Set<string>();
  for (const frame of frames) {
    if (frame.payload.room !== room) continue;
    if (frame.type === "room:presence") people = new Set(named(frame));
    if (frame.type === "room:member_joined") for (const name of named(frame)) people.add(name);
    if (frame.type === "room:member_left") for (const name of named(frame)) people.delete(name);
  }
  return [...people].sort();
}

/** All users who left by this client's frames, sorted. */
function gone({ frames }: WsClient): string[] {
  return frames.flatMap((frame) => (frame.type === "room:member_left" ? named(frame) : [])).sort();
}

/** A public channel of the first of these people with all of them in it. Returns its room. */
async function makeChannel(port: number, tokens: readonly string[]): Promise<string> {
  const call = async (method: string, path: string, token: string, body: object) => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const url = `http://127.0.0.1:${port}/api/v1/channels${path}`;
    const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(await response.text());
    return response;
  };
  const made = await call("POST", "", tokens[0]!, { type: "public", name: "general" });
  const { id } = (await made.json()) as { id: string };
  for (const token of tokens.slice(1)) await call("PUT", `/${id}/members/me`, token, {});
  return `channel:${id}`;
}
