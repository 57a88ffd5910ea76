import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { createTyping } from "./typing.ts";

let node: ChatNode;
beforeAll(async () => {
  node = await startChatNode();
});
afterAll(() => node.stop());

test("a hundred users who type at once cost a few queries, and each is published", async () => {
  const ann = await node.person("ann");
  const { channel } = await node.channels.create(ann, { name: "busy", type: "public" });
  let queries = 0;
  const sql = new Proxy(node.sql, {
    apply(target, self, args) {
      queries++;
      return Reflect.apply(target, self, args);
    },
  });
  const typing = createTyping({ ...node.deps, sql });
  node.hubCalls.length = 0;
  await Promise.all(Array.from({ length: 100 }, () => typing.start(ann, channel.id)));
  expect(node.hubCalls).toHaveLength(100);
  expect(queries).toBeLessThanOrEqual(4);
});
