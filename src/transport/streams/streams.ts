import { AppError } from "../../platform/errors.ts";
import type { Hub } from "../../realtime/transport.ts";
import type { Streams } from "./index.ts";
import { KeepAlive } from "./keep-alive.ts";
import { HubStream } from "./stream.ts";
import { Topics } from "./topics.ts";

/** How often a stream sends a heartbeat: proxies and phones close silent ones after 30 s and more. */
export const HEARTBEAT_MS = 15_000;

/** The streams of this node. `hub.start` must give them what it broadcasts: see `publish`. */
export function createStreams(hub: Hub, heartbeatMs = HEARTBEAT_MS): Streams {
  const topics = new Topics();
  const open = new Set<HubStream>();
  const keepAlive = new KeepAlive(heartbeatMs);
  return {
    open({ caller, address, rooms, sink }) {
      if (hub.draining) throw new AppError("unavailable", "This server is about to stop. Connect again.");
      const onClosed = () => {
        open.delete(stream);
        keepAlive.delete(stream);
      };
      const stream: HubStream = new HubStream({ hub, topics, sink, rooms, onClosed });
      const connection = hub.connect(caller, address);
      open.add(stream);
      keepAlive.add(stream);
      stream.start(connection);
      return stream;
    },
    prepare: (caller, address) => hub.prepare(caller, address),
    publish: topics.publish,
    get count() {
      return open.size;
    },
    stop: () => keepAlive.stop(),
  };
}
