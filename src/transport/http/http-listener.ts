import type { Tls } from "../../platform/tls.ts";

/** The port that people reach, and its sockets. */
export interface Listener {
  port: number;
  /** To all sockets of a topic. -1 or 0: some socket does not keep up. */
  publish(topic: string, text: string): number;
  /** Requests whose response is not yet sent to its last byte. */
  pending(): number;
  /** No new connections. With `cut` also the open ones end; without it, it waits for them. */
  stop(cut: boolean): Promise<void>;
}

/** Of Bun.serve, those that we use. */
export interface ListenOptions<Data> {
  hostname: string;
  port: number;
  reusePort: boolean;
  idleTimeout: number;
  maxRequestBodySize: number;
  development: false;
  websocket: Bun.WebSocketHandler<Data>;
  fetch(request: Request, server: Bun.Server<Data>): Promise<Response | undefined>;
  error(error: Error): Response;
}

/**
 * Listens, by TLS where there is a pair. Bun keeps the certificate that a server started with, so a renewed one gets a server of
 * its own on the same port; the one before accepts no more connections and keeps its sockets and requests until they end. Idle
 * connections of HTTP, and those that were about to open in that moment, are ended: their clients open another.
 */
export function listen<Data>(options: ListenOptions<Data>, tls: Tls | null): Listener {
  if (tls === null) return wrapServer(Bun.serve<Data>(options));
  // Another program on this port is detected before the port is shared with it; workers share it on purpose.
  if (!options.reusePort && options.port !== 0) void Bun.serve<Data>(options).stop(true);
  const serve = (port: number) => Bun.serve<Data>({ ...options, port, reusePort: true, tls: tls.pair });
  let current = serve(options.port);
  const port = current.port!;
  const servers = new Set([current]);

  tls.onChange(() => {
    const previous = current;
    current = serve(port);
    servers.add(current);
    void previous.stop().then(() => servers.delete(previous));
  });
  return {
    port,
    publish(topic, text) {
      if (servers.size === 1) return current.publish(topic, text);
      const listening = [...servers].filter((server) => server.subscriberCount(topic) > 0);
      return Math.min(...listening.map((server) => server.publish(topic, text)), Number.POSITIVE_INFINITY);
    },
    pending: () => [...servers].reduce((sum, server) => sum + server.pendingRequests, 0),
    async stop(cut) {
      await Promise.all([...servers].map((server) => server.stop(cut)));
    },
  };
}

function wrapServer<Data>(server: Bun.Server<Data>): Listener {
  return {
    port: server.port!,
    publish: server.publish.bind(server),
    pending: () => server.pendingRequests,
    stop: (cut) => server.stop(cut),
  };
}
