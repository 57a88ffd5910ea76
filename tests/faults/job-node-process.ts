import { startJobNode } from "../support/job-node.ts";

/** A node that runs jobs, to be killed: `job-node-process.ts URL`. Prints "ready", and "began N" for each job, which never ends. */
const node = await startJobNode(process.argv[2]!, (jobs) => {
  jobs.define("test-hang", {
    async run({ n }) {
      process.stdout.write(`began ${n}\n`);
      await new Promise(() => {});
    },
  });
});
process.stdout.write("ready\n");
for await (const _ of Bun.stdin.stream());
await node.stop();
