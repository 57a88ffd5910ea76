import { expect, test } from "bun:test";
import { testDatabase } from "../../../tests/support/postgres.ts";
import { startWebhookNode } from "../../../tests/support/webhook-node.ts";
import { createRecorder } from "./recorder.ts";

test("the sender is notified of recorded deliveries, also when another entry of the batch was parked", async () => {
  const database = await testDatabase();
  const node = await startWebhookNode(database.url);
  await node.sql.unsafe(`ALTER TABLE webhook_deliveries ADD CHECK (event_type <> 'poison:x')`);
  const entry = (seq: number, type: string) => ({ room: "event:1", seq, type, payload: "{}", at: 0, meta: null });
  const notified: number[] = [];
  let batches = 0;
  let moves = 0;
  const record = createRecorder({
    sql: node.sql,
    epoch: () => "e",
    onRecorded: () => void notified.push(batches),
    logger: { warn() {}, error() {} },
  });
  const take = async (...entries: ReturnType<typeof entry>[]) => {
    batches += 1;
    await record({ entries, advance: async () => void moves++ });
  };
  try {
    // Without an endpoint there is nothing to record, and the checkpoint needs no transaction.
    await take(entry(1, "good:x"));
    expect([notified, moves]).toEqual([[], 0]);
    await node.endpoint({ url: "http://127.0.0.1:9/", rooms: ["event:*"] });
    await take(entry(1, "good:x"));
    expect(notified).toEqual([2]);
    const poisoned = [entry(2, "good:x"), entry(3, "poison:x")];
    await expect(take(...poisoned)).rejects.toThrow("violates check constraint");
    await expect(take(...poisoned)).rejects.toThrow("violates check constraint");
    await take(...poisoned);
    expect(notified).toEqual([2, 5]);
    expect(await node.webhooks.deliveries.parked()).toMatchObject([{ room: "event:1", seq: 3 }]);
    // No notification for an entry that no endpoint accepts.
    await take({ ...entry(4, "good:x"), room: "feed:content" });
    expect(notified).toEqual([2, 5]);
  } finally {
    await node.stop();
    await database.close();
  }
});
