import type { Broker } from "./broker.ts";

/** The broker of a node that is alone: nobody to tell, and nobody to ask but itself. */
export function createAlone(): Broker {
  const handlers = new Map<string, (payload: unknown) => unknown>();
  return {
    kind: "memory",
    publish: () => {},
    receive: () => {},
    send: () => {},
    on: () => {},
    async gather<T>(question: string, payload: unknown) {
      return { answers: [(await handlers.get(question)?.(payload)) as T], partial: false };
    },
    answer(question, handler) {
      handlers.set(question, handler);
    },
    health: () => "ok",
    stop: async () => {},
  };
}
