import { startLogNode } from "../support/log-node.ts";
import { seeded } from "../support/seeded.ts";
import { followIntoTable, writeUntilStopped } from "./log-load.ts";

/**
 * A node with a load and a reader, to be killed: `log-node-process.ts URL PREFIX SEED`. One line of JSON on standard output per
 * acknowledged entry. Standard input closed: it stops writing and ends.
 */
const [url, prefix, seed] = process.argv.slice(2);
const random = seeded(Number(seed));
const node = await startLogNode(url!, { max: 24, onError: () => {} });
await followIntoTable(node, random);
let stop = false;
const written = writeUntilStopped(node, { prefix: prefix!, writers: 20, random, stop: () => stop }, (entry) => {
  process.stdout.write(`${JSON.stringify(entry)}\n`);
});
for await (const _ of Bun.stdin.stream());
stop = true;
await written;
await node.stop();
