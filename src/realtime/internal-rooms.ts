import type { LogEntry } from "../platform/log/entry.ts";
import type { InternalRoom, Watcher } from "./index.ts";

/** Rooms whose names begin with `_`: the nodes speak to each other in them, by the log. */
export class InternalRooms {
  readonly #watchers = new Map<string, Watcher>();

  watch(room: InternalRoom, watcher: Watcher): void {
    if (this.#watchers.has(room)) throw new Error(`two modules watch the room "${room}"`);
    this.#watchers.set(room, watcher);
  }

  /** Tells the watchers of their entries; answers those of ordinary rooms. */
  take(entries: readonly LogEntry[]): readonly LogEntry[] {
    if (!entries.some(isInternal)) return entries;
    for (const entry of entries) if (isInternal(entry)) this.#watchers.get(entry.room)?.entry(entry);
    return entries.filter((entry) => !isInternal(entry));
  }

  async interrupted(): Promise<void> {
    await Promise.all([...this.#watchers.values()].map(async (watcher) => watcher.interrupted()));
  }
}

function isInternal({ room }: LogEntry): boolean {
  return room.startsWith("_");
}
