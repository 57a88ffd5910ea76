import type { BroadcastOptions, BroadcastResult } from "./broadcast.ts";
import type { Target } from "./dialect.ts";
import type { DrainOptions, DrainResult } from "./drain.ts";
import type { FanoutOptions, FanoutResult } from "./fanout.ts";
import type { PostsOptions, PostsResult } from "./posts.ts";
import type { StormOptions, StormResult } from "./storm.ts";

/** What the load process can be asked to do; it returns one result for each and ends. `hold` returns when connected and holds on until it is killed. */
export type Job =
  | { job: "hold"; target: Target; connections: number }
  | { job: "fanout"; target: Target; options: FanoutOptions }
  | { job: "posts"; target: Target; options: PostsOptions }
  | { job: "storm"; target: Target; options: StormOptions }
  | { job: "broadcast"; target: Target; options: BroadcastOptions }
  | { job: "drain"; target: Target; options: DrainOptions };

export type JobResult<J extends Job["job"]> = {
  hold: { connections: number };
  fanout: FanoutResult;
  posts: PostsResult;
  storm: StormResult;
  broadcast: BroadcastResult;
  drain: DrainResult;
}[J];

/** Runs a job in a process of its own. `hold` jobs go on until `stop`. */
export async function load<J extends Job["job"]>(
  job: Extract<Job, { job: J }>,
): Promise<{ result: JobResult<J>; stop(): Promise<void> }> {
  const { promise, resolve, reject } = Promise.withResolvers<JobResult<J>>();
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/process.ts`], {
    stdout: "inherit",
    stderr: "inherit",
    ipc: (message: { result?: JobResult<J>; error?: string }) =>
      message.error === undefined ? resolve(message.result as JobResult<J>) : reject(new Error(message.error)),
    onExit: (_child, code) => reject(new Error(`the load process ended with ${code} before it returned a result`)),
  });
  child.send(job);
  const stop = async () => {
    child.kill();
    await child.exited;
  };
  try {
    const result = await promise;
    return { result, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
