import type { MonotonicClock } from "../clock.ts";

/** What nodes need to count together. */
export interface SharedLimit {
  /** Of the limit: the same on all nodes, and no other's. */
  name: string;
  /** Of the broker: what is sent may be lost, late or repeated. */
  messenger: {
    send(subject: string, payload: unknown): void;
    on(subject: string, handler: (payload: unknown, from: number) => void): void;
  };
  /** How many nodes are live, this one too. */
  nodes(): number;
}

/** A key, when its window began there (Unix ms), and how often it was used there since. */
type UsageReport = [key: string, begin: number, own: number];

/** How long reports are collected for one message, and the maximum of keys in one. */
const FLUSH_MS = 20;
const MAX_KEYS_PER_MESSAGE = 1_000;

/**
 * Reports to the other nodes how much of a limit was used here, and receives theirs. A key is reported whenever another tenth of its
 * limit was used here that they do not know of (a tenth for all others together): so an ordinary caller costs no message, and
 * a caller near the limit is known everywhere.
 *
 * What is reported is the whole count of the window, so that a message which is lost is replaced by the next, and one that is
 * repeated counts once. Without a broker every node counts for itself: no client is refused for it, and N nodes together let through
 * up to N times the limit. With it, N nodes let through at most a tenth too much, and what is used within the moment that reports
 * take; and a client a tenth below the limit is not refused. Each message of a node that is lost in a row adds a tenth to both.
 *
 * @param onRemoteUse called with uses on other nodes
 */
export function createSharedUsage(
  { name, messenger, nodes }: SharedLimit,
  limit: { points: number; seconds: number },
  clock: MonotonicClock,
  onRemoteUse: (key: string, uses: number) => void,
) {
  const subject = `limit ${name}`;
  /** What was reported to the others of a key, with its window. */
  const reported = createExpiringMap<{ begin: number; own: number }>(limit.seconds * 2_000, clock);
  /** The same of what the others have reported. */
  const received = createExpiringMap<{ begin: number; own: number }>(limit.seconds * 2_000, clock);
  let pending = new Map<string, UsageReport>();

  messenger.on(subject, (payload, from) => {
    if (!Array.isArray(payload)) return;
    for (const [key, begin, own] of payload as UsageReport[]) {
      const before = received.get(`${from} ${key}`);
      if (before !== undefined && (begin < before.begin || (begin === before.begin && own <= before.own))) continue;
      received.set(`${from} ${key}`, { begin, own });
      onRemoteUse(key, before?.begin === begin ? own - before.own : own);
    }
  });

  function flush(): void {
    const all = [...pending.values()];
    pending = new Map();
    for (let from = 0; from < all.length; from += MAX_KEYS_PER_MESSAGE)
      messenger.send(subject, all.slice(from, from + MAX_KEYS_PER_MESSAGE));
  }

  return {
    /** `own`: uses here in the window that began at `begin`. */
    report(key: string, begin: number, own: number): void {
      const others = nodes() - 1;
      if (others < 1) return;
      const before = reported.get(key);
      if (own - (before?.begin === begin ? before.own : 0) < limit.points / 10 / others) return;
      reported.set(key, { begin, own });
      if (pending.size === 0) clock.schedule(flush, FLUSH_MS);
      pending.set(key, [key, begin, own]);
    },
  };
}

/** A map whose entries go when they were not set for `ms`. */
function createExpiringMap<T>(ms: number, clock: MonotonicClock) {
  const entries = new Map<string, { value: T; end: number }>();
  return {
    get: (key: string): T | undefined => entries.get(key)?.value,
    set(key: string, value: T): void {
      const at = clock.now();
      entries.delete(key);
      entries.set(key, { value, end: at + ms });
      for (const [old, { end }] of entries) {
        if (end > at) break;
        entries.delete(old);
      }
    },
  };
}
