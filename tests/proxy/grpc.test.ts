import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GrpcNode, startGrpcNode, TOKEN } from "../grpc/node.ts";
import { type NginxEngine, startNginx } from "../support/engines/nginx.ts";
import { fixedProto, pythonCaller, run } from "../support/grpc-stubs.ts";
import { findTool, testWith } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";

/** gRPC through a real nginx with the configuration of deploy/nginx.conf, asked by grpcurl and by grpcio. */
setDefaultTimeout(60_000);
const test = testWith("nginx", "grpcurl");

let node: GrpcNode;
let other: GrpcNode;
let nginx: NginxEngine;
/** Before both nodes. */
let beforeBoth: NginxEngine;
const folder = mkdtempSync(join(tmpdir(), "usher-proxy-"));
beforeAll(async () => {
  if (findTool("nginx") === null) return;
  [node, other] = await Promise.all([startGrpcNode(), startGrpcNode()]);
  nginx = await startNginx([node.httpPort], [node.port]);
  beforeBoth = await startNginx([node.httpPort], [node.port, other.port]);
  writeFileSync(join(folder, "fixed.proto"), fixedProto("realtime"));
}, 60_000);
afterAll(async () => {
  await Promise.all([nginx?.close(), beforeBoth?.close()]);
  await Promise.all([node?.close(), other?.close()]);
  rmSync(folder, { recursive: true });
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
  const result = await printed("-d", booking, "realtime.RealtimeService/NotifyBookingResult");
  expect(JSON.parse(result)).toMatchObject({ delivered: true, activeConnections: 1 });
  await socket.next("booking:confirmed");
  socket.close();
  expect(await printed("-d", "{}", "realtime.RealtimeService/NotifyBookingResult")).toContain("InvalidArgument");
});

test("a stream stays open, and each frame passes immediately", async () => {
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

const GREETING = { user_id: "user-uuid", event_type: "greeting", payload: "{}" };

for (const [count, one] of [
  ["one node", () => nginx],
  ["two nodes", () => beforeBoth],
] as const) {
  test(`twenty calls with descriptors of ${count}, each on its own connection, all get a response`, async () => {
    const proxy = one();
    const flags = [
      "-plaintext",
      "-H",
      `authorization: Bearer ${TOKEN}`,
      "-import-path",
      folder,
      "-proto",
      "fixed.proto",
    ];
    const call = ["-d", JSON.stringify(GREETING), `127.0.0.1:${proxy.grpcPort}`, "realtime.RealtimeService/SendToUser"];
    // `run` throws at the first call that fails.
    for (let n = 0; n < 20; n++) await run(folder, [findTool("grpcurl")!, ...flags, ...call]);
    expect(proxy.errors()).not.toContain("upstream");
  });

  testWith("nginx", "python-grpc")(`forty calls of grpcio on one channel to ${count} all get a response`, async () => {
    const proxy = one();
    const source = join(import.meta.dirname, "callers/python");
    const caller = await pythonCaller("many", fixedProto("realtime"), source);
    const output = await run(folder, [...caller, `127.0.0.1:${proxy.grpcPort}`, TOKEN, GREETING.user_id, "40"]);
    expect(output.trim()).toBe("40 succeeded, 0 failed");
    expect(proxy.errors()).not.toContain("upstream");
  });
}
