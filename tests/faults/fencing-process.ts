import { systemClock } from "../../src/platform/clock.ts";
import { createIds } from "../../src/platform/nodes/ids.ts";
import { leaseNode } from "../../src/platform/nodes/lease.ts";
import { openDatabase } from "../../src/platform/postgres/pool.ts";

/** A node that makes ids without a pause: `fencing-process.ts URL TIMES`. A line each: the id, or `refused`. Ends with its input. */
const [url, times] = process.argv.slice(2);
const { sql, close } = openDatabase(url!, { max: 2 });
const lease = await leaseNode({ sql, onError: () => {}, times: JSON.parse(times!) });
const ids = createIds({ lease, clock: systemClock });
const timer = setInterval(() => {
  let line: string;
  try {
    line = ids.next();
  } catch {
    line = "refused";
  }
  process.stdout.write(`${line}\n`);
}, 1);
for await (const _ of Bun.stdin.stream());
clearInterval(timer);
await lease.stop();
await close();
