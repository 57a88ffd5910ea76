import type { Broker } from "../broker/broker.ts";

/** ms in which acknowledgements for other nodes are batched, and the maximum of one batch. */
const BATCH_MS = 2;
const MAX_BATCH = 1_000;

interface AckWaiter {
  userId: string | null;
  done(acked: boolean): void;
}

/**
 * Matches clients' acknowledgements of a frame with this `ack_id` with the callers that wait for them, on all nodes. Nothing is
 * stored: an acknowledgement that is lost on the way does not count.
 */
export function createAcks(broker: Broker) {
  const waiters = new Map<string, AckWaiter[]>();
  let unsent: [string, string | null][] = [];

  function resolveLocal(ackId: string, userId: string | null): void {
    for (const one of waiters.get(ackId) ?? []) if (one.userId === null || one.userId === userId) one.done(true);
  }

  broker.on("acks", (payload) => {
    for (const [ackId, userId] of payload as typeof unsent) resolveLocal(ackId, userId);
  });

  function sendBatch(): void {
    const batch = unsent;
    unsent = [];
    for (let from = 0; from < batch.length; from += MAX_BATCH) broker.send("acks", batch.slice(from, from + MAX_BATCH));
  }

  return {
    /** A client of this node has acknowledged it. */
    received(ackId: string, userId: string | null): void {
      resolveLocal(ackId, userId);
      if (unsent.push([ackId, userId]) === 1) setTimeout(sendBatch, BATCH_MS);
    },

    waitForAck(ackId: string, ms: number, userId: string | null = null): Promise<boolean> {
      return new Promise((resolve) => {
        const waiter: AckWaiter = { userId, done };
        const timer = setTimeout(() => done(false), ms);
        waiters.set(ackId, [...(waiters.get(ackId) ?? []), waiter]);
        function done(acked: boolean) {
          clearTimeout(timer);
          const others = (waiters.get(ackId) ?? []).filter((other) => other !== waiter);
          if (others.length > 0) waiters.set(ackId, others);
          else waiters.delete(ackId);
          resolve(acked);
        }
      });
    },
  };
}
