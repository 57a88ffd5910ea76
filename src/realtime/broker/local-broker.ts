import type { Broker } from "./broker.ts";

/** The broker of a node that is the only one: it sends to no other node, and gathers only its own replies. */
export function createLocalBroker(): Broker {
  const handlers = new Map<string, (payload: unknown) => unknown>();
  return {
    kind: "memory",
    publish: () => {},
    receive: () => {},
    send: () => {},
    on: () => {},
    async gather<T>(name: string, payload: unknown) {
      return { replies: [(await handlers.get(name)?.(payload)) as T], partial: false };
    },
    onRequest(name, handler) {
      handlers.set(name, handler);
    },
    health: () => "ok",
    stop: async () => {},
  };
}
