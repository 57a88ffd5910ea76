import { broadcast } from "./broadcast.ts";
import { cluster } from "./cluster.ts";
import { drain } from "./drain.ts";
import { edge } from "./edge.ts";
import { fanout } from "./fanout.ts";
import { hold } from "./hold.ts";
import { idle } from "./idle.ts";
import { tree } from "./measure.ts";
import { notify } from "./notify.ts";
import { oldPosition } from "./old-position.ts";
import { peers } from "./peers.ts";
import { posts } from "./posts.ts";
import { start } from "./start.ts";
import { storm } from "./storm.ts";
import { three } from "./three.ts";
import { webhooks } from "./webhooks.ts";

/** `npm run bench -- NAME …`: each prints one table and writes bench/results/NAME.json. */
const BENCHES: Record<string, () => Promise<void>> = {
  idle,
  fanout,
  posts,
  storm,
  start,
  webhooks,
  notify,
  broadcast,
  cluster,
  three,
  drain,
  edge,
  peers,
  "old-position": oldPosition,
  hold,
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in BENCHES));
if (names.length === 0 || unknown.length > 0) {
  console.error(`Usage: npm run bench -- ${Object.keys(BENCHES).join(" | ")}`);
  process.exit(2);
}
process.on("exit", () => {
  // A bench that failed has left its servers running.
  for (const pid of tree(process.pid).slice(1)) {
    try {
      process.kill(pid, "SIGINT");
    } catch {
      // It has ended meanwhile.
    }
  }
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
for (const name of names) {
  console.log(`\n${name}`);
  await BENCHES[name]!();
}
process.exit(0);
