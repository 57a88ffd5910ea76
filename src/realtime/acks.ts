import type { Broker } from "./broker/broker.ts";

/** ms in which acknowledgements for other nodes travel together, and how many of them in one go. */
const TOGETHER = 2;
const MOST = 1_000;

interface Awaited {
  userId: string | null;
  done(acked: boolean): void;
}

/**
 * Clients that acknowledge a frame which carried `ack_id`, and those who wait for it, on whatever node. Nothing of it is kept:
 * an acknowledgement that is lost on the way is none.
 */
export function createAcks(broker: Broker) {
  const awaited = new Map<string, Awaited[]>();
  let told: [string, string | null][] = [];

  function here(ackId: string, userId: string | null): void {
    for (const one of awaited.get(ackId) ?? []) if (one.userId === null || one.userId === userId) one.done(true);
  }

  broker.on("acks", (payload) => {
    for (const [ackId, userId] of payload as typeof told) here(ackId, userId);
  });

  function tell(): void {
    const batch = told;
    told = [];
    for (let from = 0; from < batch.length; from += MOST) broker.send("acks", batch.slice(from, from + MOST));
  }

  return {
    /** A client of this node said it. */
    heard(ackId: string, userId: string | null): void {
      here(ackId, userId);
      if (told.push([ackId, userId]) === 1) setTimeout(tell, TOGETHER);
    },

    acked(ackId: string, ms: number, userId: string | null = null): Promise<boolean> {
      return new Promise((resolve) => {
        const mine: Awaited = { userId, done };
        const timer = setTimeout(() => done(false), ms);
        awaited.set(ackId, [...(awaited.get(ackId) ?? []), mine]);
        function done(acked: boolean) {
          clearTimeout(timer);
          const rest = (awaited.get(ackId) ?? []).filter((other) => other !== mine);
          if (rest.length > 0) awaited.set(ackId, rest);
          else awaited.delete(ackId);
          resolve(acked);
        }
      });
    },
  };
}
