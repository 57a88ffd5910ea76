import { startWebhookNode } from "../support/webhook-node.ts";

/** A node that delivers webhooks, to be killed: `webhook-node-process.ts URL`. Prints "ready" on standard output. */
const node = await startWebhookNode(process.argv[2]!);
process.stdout.write("ready\n");
for await (const _ of Bun.stdin.stream());
await node.stop();
