import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { type GrpcNode, startGrpcNode, TOKEN } from "../grpc/node.ts";
import { type NginxEngine, startNginx } from "../support/engines/nginx.ts";
import { findTool, testWith } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";

/** gRPC through a real nginx with the configuration of deploy/nginx.conf, asked by grpcurl. */
setDefaultTimeout(60_000);
const test = testWith("nginx", "grpcurl");

let node: GrpcNode;
let nginx: NginxEngine;
beforeAll(async () => {
  if (findTool("nginx") === null) return;
  node = await startGrpcNode();
  nginx = await startNginx([node.httpPort], [node.port]);
}, 60_000);
afterAll(async () => {
  await nginx?.close();
  await node?.close();
}, 60_000);

function grpcurl(...words: string[]) {
  const address = `127.0.0.1:${nginx.grpcPort}`;
  const before = words.slice(0, -1);
  const command = [findTool("grpcurl")!, "-plaintext", "-H", `authorization: Bearer ${TOKEN}`, ...before, address];
  return Bun.spawn([...command, ...words.slice(-1)], { stdout: "pipe", stderr: "pipe" });
}

async function printed(...words: string[]): Promise<string> {
  const child = grpcurl(...words);
  const [out, problem] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return out + problem;
}

test("reflection, health and calls go through", async () => {
  expect(await printed("list")).toContain("realtime.RealtimeService");
  expect(await printed("grpc.health.v1.Health/Check")).toContain("SERVING");
  const ann = await node.person("ann");
  const socket = await ann.connect();
  const booking = JSON.stringify({ user_id: ann.id, booking_id: "b-1", success: true, message: "Booking confirmed" });
  const answer = await printed("-d", booking, "realtime.RealtimeService/NotifyBookingResult");
  expect(JSON.parse(answer)).toMatchObject({ delivered: true, activeConnections: 1 });
  await socket.next("booking:confirmed");
  socket.close();
  expect(await printed("-d", "{}", "realtime.RealtimeService/NotifyBookingResult")).toContain("InvalidArgument");
});

test("a stream stays open, and each frame passes at once", async () => {
  const child = grpcurl("-d", JSON.stringify({ rooms: [{ room: "event:9" }] }), "realtime.RealtimeService/Subscribe");
  let text = "";
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) text += decoder.decode(bytes);
  })();
  await waitUntil("it is in the room", () => text.includes("system:resumed"));
  const broadcast = { room: "event:9", event_type: "seats:changed", payload: JSON.stringify({ seats: ["A1"] }) };
  await printed("-d", JSON.stringify(broadcast), "realtime.RealtimeService/BroadcastEvent");
  await waitUntil("the frame came", () => text.includes("seats:changed"));
  child.kill();
  await child.exited;
});
