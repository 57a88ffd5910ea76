import type { LogEntry } from "../../platform/log/entry.ts";
import type { InternalRoom, Watcher } from "../index.ts";

/** Rooms whose names begin with `_`: through them nodes notify each other by the log. */
export class InternalRooms {
  readonly #watchers = new Map<string, Watcher>();
  readonly #onError: (error: unknown) => void;

  /** @param onError called when an entry could not be handled */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  readonly watch = (room: InternalRoom, watcher: Watcher): void => {
    if (this.#watchers.has(room)) throw new Error(`two modules watch the room "${room}"`);
    this.#watchers.set(room, watcher);
  };

  /** Passes entries of internal rooms to their watchers; returns those of ordinary rooms. Never throws. */
  deliver(entries: readonly LogEntry[]): readonly LogEntry[] {
    if (!entries.some(({ room }) => isInternal(room))) return entries;
    for (const entry of entries) if (isInternal(entry.room)) this.#notify(entry);
    return entries.filter((entry) => !isInternal(entry.room));
  }

  async interrupted(): Promise<void> {
    await Promise.all([...this.#watchers.values()].map(async (watcher) => watcher.interrupted()));
  }

  /**
   * An entry that its watcher cannot handle (a newer release wrote it) must not block the entries that came with it, nor the tail,
   * which would deliver it again for ever: the state that it changed is read instead.
   */
  #notify(entry: LogEntry): void {
    const watcher = this.#watchers.get(entry.room);
    if (watcher === undefined) return;
    try {
      watcher.entry(entry);
    } catch (error) {
      this.#onError(error);
      Promise.resolve()
        .then(() => watcher.interrupted())
        .catch(this.#onError);
    }
  }
}

export function isInternal(room: string): boolean {
  return room.startsWith("_");
}
