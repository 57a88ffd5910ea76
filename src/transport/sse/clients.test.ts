import { afterAll, beforeAll, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { openSse } from "../../../tests/support/sse-client.ts";
import { type SseNode, startSseNode } from "../../../tests/support/sse-node.ts";
import { startTcpProxy, type TcpProxy } from "../../../tests/support/tcp-proxy.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";

setDefaultTimeout(60_000);

/** The EventSource libraries that people use, over a network that is cut. */
let node: SseNode;
let proxy: TcpProxy;
beforeAll(async () => {
  node = await startSseNode(200);
  proxy = await startTcpProxy(Number(new URL(node.url).port));
});
afterAll(async () => {
  await proxy.close();
  await node.stop();
});

interface Source {
  onmessage: ((event: { data: string }) => void) | null;
  close(): void;
}

/** By package and export; they have no types of their own. The first sends `lastEventId=`, the second `Cache-Control`. */
const LIBRARIES = { "event-source-polyfill": "EventSourcePolyfill", eventsource: "default" };

for (const [name, exported] of Object.entries(LIBRARIES)) {
  test(`SS-3 ${name} misses nothing over a cut, and names no position that the server does not know`, async () => {
    const Library = (await import(name))[exported] as new (url: string) => Source;
    const room = `event:${name.replace(/\W/g, "-")}`;
    const source = new Library(`http://127.0.0.1:${proxy.port}/api/v1/stream?rooms=${room}&_=1764547200`);
    const frames: { type: string; seq?: number; payload: { rooms?: Record<string, { recovered: boolean }> } }[] = [];
    source.onmessage = ({ data }) => void frames.push(JSON.parse(data));
    const resumed = () => frames.filter(({ type }) => type === "system:resumed");
    await waitUntil("it is there", () => resumed().length === 1);
    await node.say(room, "one");
    await waitUntil("it has the first", () => frames.some(({ seq }) => seq === 1));
    // The first one prints the error of a cut by itself.
    const printing = spyOn(console, "error").mockImplementation(() => {});
    proxy.cut();
    proxy.restore();
    await node.say(room, "two");
    await waitUntil("it has the second", () => frames.some(({ seq }) => seq === 2));
    const printed = printing.mock.calls.map(([error]) => String(error));
    printing.mockRestore();
    expect(printed.filter((line) => !line.includes("socket connection was closed unexpectedly"))).toEqual([]);
    expect(resumed().map(({ payload }) => payload.rooms?.[room]?.recovered)).toEqual([false, true]);
    expect(frames.flatMap(({ seq }) => seq ?? [])).toEqual([1, 2]);
    source.close();
  });
}

test("SS-3 an empty Last-Event-ID is none, and an empty name in the query is none", async () => {
  const room = "event:empty";
  await node.say(room, "one", "two");
  const url = `${node.url}/api/v1/stream?rooms=${room}`;
  const first = await openSse(`${url}`);
  await first.first("system:resumed");
  await node.say(room, "three");
  await first.first("message:created");
  first.close();
  await node.say(room, "four");
  for (const query of [
    `last_event_id=${first.lastId}`,
    `lastEventId=${first.lastId}`,
    `lastEventId=&last_event_id=${first.lastId}`,
    `last_event_id=of-long-ago&lastEventId=${first.lastId}`,
  ]) {
    const client = await openSse(`${url}&${query}`, { "last-event-id": "" });
    const { payload } = await client.first("system:resumed");
    expect([query, payload.rooms]).toMatchObject([query, { [room]: { recovered: true } }]);
    await client.first("message:created");
    client.close();
  }
});
