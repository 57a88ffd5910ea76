import { createPublish, type Publish } from "../platform/log/publish.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Hub } from "../realtime/index.ts";
import type { Log } from "./log.ts";
import type { Program } from "./program.ts";

/** The two ways to the hub: what this node commits, at once; and what the log has besides. */
export async function startFanOut({ logger }: Program, { tail }: Log, hub: Hub, metrics: Metrics): Promise<Publish> {
  await tail.read({
    name: "fan-out repair",
    from: "now",
    handle: async ({ entries }) => hub.publish(entries),
    interrupted: () => hub.compareHeads(),
  });
  const show = createPublish(
    (entries, took) => {
      metrics.appended(took / 1_000);
      const began = performance.now();
      hub.publish(entries);
      metrics.delivered((performance.now() - began) / 1_000);
    },
    (error) => logger.error({ err: error }, "committed entries could not be shown at once; the tail shows them"),
  );
  return (entries, took) => {
    show(entries, took);
    tail.nudge();
  };
}
