import { brokers } from "./brokers.ts";
import { fanout } from "./fanout.ts";
import { grpc } from "./grpc.ts";
import { idle } from "./idle.ts";
import { posts } from "./posts.ts";
import { start } from "./start.ts";
import { storm } from "./storm.ts";
import { webhooks } from "./webhooks.ts";

/** `npm run bench -- NAME …`: each prints one table and writes bench/results/NAME.json. */
const BENCHES: Record<string, () => Promise<void>> = { brokers, idle, fanout, posts, storm, start, webhooks, grpc };

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in BENCHES));
if (names.length === 0 || unknown.length > 0) {
  console.error(`Say which: npm run bench -- ${Object.keys(BENCHES).join(" | ")}`);
  process.exit(2);
}
for (const name of names) {
  console.log(`\n${name}`);
  await BENCHES[name]!();
}
process.exit(0);
