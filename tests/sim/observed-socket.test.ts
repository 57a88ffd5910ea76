import { afterAll, expect, test } from "bun:test";
import { waitUntil } from "../support/wait-until.ts";
import { ObservedSocket } from "./observed-socket.ts";

/** Replies to each resume immediately, then sends the test's frames. */
let script: string[] = [];
const server = Bun.serve({
  port: 0,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response(null, { status: 400 })),
  websocket: {
    message(socket, text) {
      const { id, payload } = JSON.parse(String(text)) as { id: number; payload: { rooms: Record<string, object> } };
      const rooms = Object.fromEntries(
        Object.entries(payload.rooms).map(([room, since]) => [room, { ...since, recovered: true }]),
      );
      socket.send(JSON.stringify({ type: "system:resumed", id, payload: { rooms } }));
      for (const frame of script) socket.send(frame);
      socket.send("end");
    },
  },
});
afterAll(() => server.stop(true));

const entry = (seq: number) => `{"type":"message:created","room":"channel:1","seq":${seq},"payload":{}}`;

const CASES: [string, number[], number][] = [
  ["an unbroken row", [6, 7, 8], 0],
  ["a dropped frame", [6, 8], 1],
  ["a repeated frame", [6, 6, 7], 1],
  ["two swapped frames", [7, 6, 8], 3],
];

for (const [name, seqs, count] of CASES) {
  test(`the observer counts ${count} faults in ${name}`, async () => {
    script = seqs.map(entry);
    const faults: string[] = [];
    let ended = false;
    const socket = new ObservedSocket(`ws://localhost:${server.port}`, [], (what) => faults.push(what));
    socket.onmessage = ({ data }) => {
      if (data === "end") ended = true;
    };
    socket.onopen = () =>
      socket.send('{"type":"system:resume","id":1,"payload":{"rooms":{"channel:1":{"seq":5,"epoch":"e"}}}}');
    await waitUntil("the server has said all", () => ended);
    socket.close();
    expect(faults).toHaveLength(count);
  });
}
