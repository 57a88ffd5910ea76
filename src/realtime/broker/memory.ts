import type { Address, Wire } from "./wire.ts";

/** A server within the process, for tests and simulations. */
export interface MemoryBus {
  wire(address: Address): Wire;
  /** False: the server is away. */
  up: boolean;
  /** Mailboxes of nodes that are connected and to which nothing comes. */
  readonly deaf: Set<string>;
}

export function createMemoryBus(): MemoryBus {
  const listeners = new Map<string, Map<string, (text: string) => void>>();
  const bus: MemoryBus = {
    up: true,
    deaf: new Set(),
    wire: ({ cluster, mailbox }) => ({
      kind: "memory",
      mostBytes: 1_000_000,
      silentAlone: true,
      start(received) {
        const here = listeners.get(cluster) ?? new Map();
        listeners.set(cluster, here.set(mailbox, received));
      },
      send(to, text) {
        if (!bus.up) return false;
        setImmediate(() => {
          for (const [name, received] of listeners.get(cluster) ?? [])
            if ((to === null || to === name) && bus.up && !bus.deaf.has(name)) received(text);
        });
        return true;
      },
      connected: () => bus.up,
      reconnect() {},
      close: async () => void listeners.get(cluster)?.delete(mailbox),
    }),
  };
  return bus;
}
