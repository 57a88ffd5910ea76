import { AppError } from "../../platform/errors.ts";
import type { Hub } from "../../realtime/transport.ts";
import { Beats } from "./beats.ts";
import { streamFrame } from "./frame.ts";
import type { Streams } from "./index.ts";
import { HubStream } from "./stream.ts";
import { Topics } from "./topics.ts";

/** How often a stream shows a sign of life: proxies and phones give up silent ones after 30 s and more. */
export const BEAT_MS = 15_000;

/** The streams of this node. `hub.start` must hand them what it broadcasts: see `publish`. */
export function createStreams(hub: Hub, beatMs = BEAT_MS): Streams {
  const topics = new Topics();
  const open = new Set<HubStream>();
  const beats = new Beats(beatMs);
  return {
    open({ caller, address, rooms, sink }) {
      if (hub.draining) throw new AppError("unavailable", "This server is about to stop. Connect again.");
      const gone = () => {
        open.delete(stream);
        beats.delete(stream);
      };
      const stream: HubStream = new HubStream({ hub, topics, sink, rooms, gone });
      const connection = hub.connect(caller, address);
      open.add(stream);
      beats.add(stream);
      stream.start(connection);
      return stream;
    },
    prepare: (caller, address) => hub.prepare(caller, address),
    publish: (topic, text) => topics.publish(topic, () => streamFrame(text)),
    get count() {
      return open.size;
    },
    stop: () => beats.stop(),
  };
}
