import type { Ticking } from "../clock.ts";

/** What nodes need to count together. */
export interface Shared {
  /** Of the limit: the same on all nodes, and no other's. */
  name: string;
  /** As the broker does it: what is sent may be lost, late or repeated. */
  messenger: {
    send(subject: string, payload: unknown): void;
    on(subject: string, handler: (payload: unknown, from: number) => void): void;
  };
  /** How many nodes live, this one too. */
  nodes(): number;
}

/** A key, when its window began there (Unix ms), and how often it was used there since. */
type Told = [key: string, begin: number, own: number];

/** ms in which news travel together; keys in one message. */
const TOGETHER = 20;
const MOST = 1_000;

/**
 * Tells the other nodes how much of a limit was used here, and hears it from them. A key is told whenever another tenth of its
 * limit was used here that they have not heard of (a tenth for all others together): so an ordinary caller costs no message, and
 * who comes near the limit is known everywhere.
 *
 * What is told is the whole count of the window, so that a message which is lost is made good by the next, and one that is
 * repeated counts once. Without a broker every node counts for itself: nobody is refused for it, and N nodes together let through
 * up to N times the limit. With it, N nodes let through at most a tenth too much, and what is used within the moment that news
 * take; and whoever is a tenth below the limit is not refused. Each message of a node that is lost in a row adds a tenth to both.
 *
 * @param heard is told of uses elsewhere
 */
export function createSharing(
  { name, messenger, nodes }: Shared,
  limit: { points: number; seconds: number },
  ticking: Ticking,
  heard: (key: string, uses: number) => void,
) {
  const subject = `limit ${name}`;
  /** What the others have been told of a key, with the window that it was told of. */
  const told = createExpiring<{ begin: number; own: number }>(limit.seconds * 2_000, ticking);
  /** The same of what the others have told. */
  const known = createExpiring<{ begin: number; own: number }>(limit.seconds * 2_000, ticking);
  let waiting = new Map<string, Told>();

  messenger.on(subject, (payload, from) => {
    if (!Array.isArray(payload)) return;
    for (const [key, begin, own] of payload as Told[]) {
      const before = known.get(`${from} ${key}`);
      if (before !== undefined && (begin < before.begin || (begin === before.begin && own <= before.own))) continue;
      known.set(`${from} ${key}`, { begin, own });
      heard(key, before?.begin === begin ? own - before.own : own);
    }
  });

  function tell(): void {
    const all = [...waiting.values()];
    waiting = new Map();
    for (let from = 0; from < all.length; from += MOST) messenger.send(subject, all.slice(from, from + MOST));
  }

  return {
    /** `own`: uses here in the window that began at `begin`. */
    used(key: string, begin: number, own: number): void {
      const others = nodes() - 1;
      if (others < 1) return;
      const before = told.get(key);
      if (own - (before?.begin === begin ? before.own : 0) < limit.points / 10 / others) return;
      told.set(key, { begin, own });
      if (waiting.size === 0) ticking.later(tell, TOGETHER);
      waiting.set(key, [key, begin, own]);
    },
  };
}

/** A map whose entries go when they were not set for `ms`. */
function createExpiring<T>(ms: number, ticking: Ticking) {
  const entries = new Map<string, { value: T; end: number }>();
  return {
    get: (key: string): T | undefined => entries.get(key)?.value,
    set(key: string, value: T): void {
      const at = ticking.now();
      entries.delete(key);
      entries.set(key, { value, end: at + ms });
      for (const [old, { end }] of entries) {
        if (end > at) break;
        entries.delete(old);
      }
    },
  };
}
