import { startLogNode } from "../support/log-node.ts";

/** A node that runs the stored consumer "killed", to be killed: `consumer-process.ts URL`. Prints the seqs it handled, one in a line. */
const node = await startLogNode(process.argv[2]!);
await node.tail.addConsumer({
  name: "killed",
  from: "stored",
  handle: async ({ entries }) => void process.stdout.write(entries.map(({ seq }) => `${seq}\n`).join("")),
});
process.stdout.write("ready\n");
for await (const _ of Bun.stdin.stream());
await node.stop();
