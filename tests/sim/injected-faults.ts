import type { Evidence, Seen, Stretch } from "./checker.ts";

/** Breaks the evidence in one place; returns the function that restores it. Throws when the run offers no position for this fault. */
export type InjectFault = (evidence: Evidence) => () => void;

/** The faults that a server could have, planted into what a real run has gathered. */
export const INJECTED_FAULTS: Record<string, InjectFault> = {
  "a dropped frame": (evidence) => splice(longest(evidence), (seen) => seen.splice(middle(seen), 1)),
  "a repeated frame": (evidence) =>
    splice(longest(evidence), (seen) => seen.splice(middle(seen), 0, seen[middle(seen)]!)),
  "two swapped frames": (evidence) =>
    splice(longest(evidence), (seen) => seen.splice(middle(seen), 2, seen[middle(seen) + 1]!, seen[middle(seen)]!)),
  "a fresh beginning that nothing called for": ({ views }) => {
    const view = views.find(({ mistaken }) => !mistaken);
    if (!view) throw new Error("all views are mistaken");
    view.stretches.unshift({ from: 0, seen: [], texts: new Map() });
    return () => view.stretches.shift();
  },
  "a lost row": ({ log }) => {
    const rows = [...log.values()].reduce((max, list) => (list.length > max.length ? list : max)) as Seen[];
    const place = middle(rows);
    const [row] = rows.splice(place, 1);
    return () => rows.splice(place, 0, row!);
  },
  "a frame leaked to a removed member": ({ log, views }) => {
    for (const { userId, room, stretches } of views) {
      const rows = log.get(room) ?? [];
      const { from, seen } = stretches.at(-1)!;
      const exit = rows.find(({ seq, type, subject }) => type === "member:left" && subject === userId && seq > from);
      const next = exit && rows[exit.seq];
      if (!next || seen.at(-1)?.seq !== exit.seq) continue;
      seen.push(next);
      return () => seen.pop();
    }
    throw new Error("no one saw their own removal");
  },
};

function splice({ seen }: Stretch, change: (seen: Seen[]) => void): () => void {
  const before = [...seen];
  change(seen);
  return () => {
    seen.length = 0;
    for (const frame of before) seen.push(frame);
  };
}

function longest({ views }: Evidence): Stretch {
  return views
    .flatMap(({ stretches }) => stretches)
    .reduce((longest, one) => (one.seen.length > longest.seen.length ? one : longest));
}

function middle(list: readonly unknown[]): number {
  return list.length >> 1;
}
