import { broadcast } from "./broadcast.ts";
import { createDialect } from "./dialect.ts";
import { drain } from "./drain.ts";
import { connectReaders, fanout } from "./fanout.ts";
import type { Job } from "./jobs.ts";
import { posts } from "./posts.ts";
import { storm } from "./storm.ts";

async function run(job: Job) {
  switch (job.job) {
    case "hold":
      return { connections: (await connectReaders(createDialect(job.target), job.connections)).length };
    case "fanout":
      return fanout(job.target, job.options);
    case "posts":
      return posts(job.target, job.options);
    case "storm":
      return storm(job.target, job.options);
    case "broadcast":
      return broadcast(job.target, job.options);
    case "drain":
      return drain(job.target, job.options);
  }
}

process.on("message", (job: Job) => {
  run(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
