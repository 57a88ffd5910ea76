import type { Broker } from "../../src/realtime/broker/broker.ts";

/** Connects nodes within a test as a broker's server would: JSON is passed, a turn of the event loop later. */
export interface Bus {
  join(node: number): Broker;
  /** Nodes that neither receive nor reply at present. */
  silent: Set<number>;
  /** Returns whether a message is lost. */
  lose: () => boolean;
  /** Questions and messages that were sent. */
  sent: { subject: string; payload: unknown; from: number }[];
}

export function createBus(): Bus {
  const nodes = new Map<
    number,
    { on: Map<string, (p: unknown, from: number) => void>; handlers: Map<string, (p: unknown) => unknown> }
  >();
  const bus: Bus = {
    silent: new Set(),
    lose: () => false,
    sent: [],
    join(node) {
      const self = { on: new Map(), handlers: new Map() };
      nodes.set(node, self);
      const others = () => [...nodes].filter(([other]) => other !== node);
      const reaches = (other: number) => !bus.silent.has(node) && !bus.silent.has(other) && !bus.lose();
      return {
        kind: "memory",
        publish: () => {},
        receive: () => {},
        send(subject, payload) {
          bus.sent.push({ subject, payload, from: node });
          const text = JSON.stringify(payload);
          for (const [other, { on }] of others())
            if (reaches(other)) queueMicrotask(() => on.get(subject)?.(JSON.parse(text), node));
        },
        on: (subject, handler) => void self.on.set(subject, handler),
        async gather<T>(question: string, payload: unknown) {
          bus.sent.push({ subject: question, payload, from: node });
          const text = JSON.stringify(payload);
          const asked = [...nodes].filter(([other]) => other === node || reaches(other));
          const replies = asked.map(async ([, { handlers }]) => {
            const result = await handlers.get(question)?.(JSON.parse(text));
            return JSON.parse(JSON.stringify(result)) as T;
          });
          return { replies: await Promise.all(replies), partial: asked.length < nodes.size };
        },
        onRequest: (question, handler) => void self.handlers.set(question, handler),
        health: () => "ok",
        stop: async () => void nodes.delete(node),
      };
    },
  };
  return bus;
}
