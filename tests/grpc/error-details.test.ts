import { expect } from "bun:test";
import { findTool, testWith } from "../support/tools.ts";
import { startGrpcNode } from "./node.ts";

testWith("grpcurl")(
  "grpcurl shows what is wrong with a call in a sentence, by reflection alone",
  async () => {
    const node = await startGrpcNode();
    try {
      const call = Bun.spawn(
        [
          findTool("grpcurl")!,
          "-plaintext",
          ...["-H", "authorization: Bearer a-token-of-the-tests"],
          ...["-d", '{"event_type":"no room"}'],
          node.address,
          "realtime.RealtimeService/BroadcastEvent",
        ],
        { stdout: "pipe", stderr: "pipe" },
      );
      const output = await new Response(call.stderr).text();
      expect(output).toContain('"@type": "type.googleapis.com/google.rpc.BadRequest"');
      expect(output).toContain('"field": "room"');
      expect(output).toContain('"reason": "invalid"');
      expect(output).not.toContain("@value");
    } finally {
      await node.close();
    }
  },
  60_000,
);
