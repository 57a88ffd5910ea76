import type { BrokerTransport, TransportAddress } from "./broker-transport.ts";

/** A server within the process, for tests and simulations. */
export interface MemoryBus {
  createTransport(address: TransportAddress): BrokerTransport;
  /** False: the server is away. */
  isUp: boolean;
  /** Instance ids of nodes that are connected and receive nothing. */
  readonly isolated: Set<string>;
}

export function createMemoryBus(): MemoryBus {
  const listeners = new Map<string, Map<string, (text: string) => void>>();
  const bus: MemoryBus = {
    isUp: true,
    isolated: new Set(),
    createTransport: ({ cluster, instanceId }) => ({
      kind: "memory",
      maxBytes: 1_000_000,
      skipsProbeAlone: true,
      start(received) {
        const here = listeners.get(cluster) ?? new Map();
        listeners.set(cluster, here.set(instanceId, received));
      },
      send(to, text) {
        if (!bus.isUp) return false;
        setImmediate(() => {
          for (const [name, received] of listeners.get(cluster) ?? [])
            if ((to === null || to === name) && bus.isUp && !bus.isolated.has(name)) received(text);
        });
        return true;
      },
      isConnected: () => bus.isUp,
      reconnect() {},
      close: async () => void listeners.get(cluster)?.delete(instanceId),
    }),
  };
  return bus;
}
