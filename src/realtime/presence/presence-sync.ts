import type { PresenceState } from "./presence-state.ts";
import type { PresenceChange, PresenceStore } from "./presence-store.ts";
import { MAX_CHANGES_PER_WRITE, type PresenceTimes } from "./times.ts";

export interface PresenceSyncDeps {
  store: PresenceStore;
  state: PresenceState;
  /** Everyone on this node who is in a room with a member list; a person with several connections may come several times. */
  listLocal: () => Iterable<PresenceChange>;
  getUsername: (userId: string) => string | null;
  logger: { warn(fields: object, message: string): void };
  times: PresenceTimes;
}

/**
 * Syncs once a second: writes what changed on this node, removes what dead nodes left, and then broadcasts what others wrote. When
 * the store is away or loses data, presence is paused, and afterwards every node writes its people again.
 */
export class PresenceSync {
  readonly #deps: PresenceSyncDeps;
  readonly #broadcast: (now: number) => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<void> = Promise.resolve();
  #isStopped = true;
  /** What is stored for this node may be wrong. */
  #needsReconcile = false;
  #isUnavailable = false;
  /** Before this time other nodes may not have written their people again. */
  #settledAt = 0;
  #isFirst = true;

  constructor(deps: PresenceSyncDeps, broadcast: (now: number) => Promise<void>) {
    this.#deps = deps;
    this.#broadcast = broadcast;
  }

  /** Whether the last sync could read and write the store. */
  get isUp(): boolean {
    return !this.#isUnavailable;
  }

  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#schedule();
  }

  /** People who are still connected get the grace to come back on another node. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
    const { store, times } = this.#deps;
    await store.write([], times.grace).catch(() => {});
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#sync().then(() => {
        if (!this.#isStopped) this.#schedule();
      });
    }, this.#deps.times.interval);
    this.#timer.unref();
  }

  async #sync(): Promise<void> {
    const now = performance.now();
    try {
      await this.#write(now);
      if (this.#isUnavailable) this.#deps.logger.warn({}, "presence is resumed");
      this.#isUnavailable = false;
      if (now < this.#settledAt) return;
      // A node that was away itself does not remove others as dead: they may be coming back too.
      for (let parts = 0; parts < 100 && (await this.#deps.store.sweep()); parts++);
      await this.#broadcast(now);
    } catch (error) {
      this.#needsReconcile = true;
      if (!this.#isUnavailable)
        this.#deps.logger.warn({ err: error }, "presence is paused until its store is available");
      this.#isUnavailable = true;
    }
  }

  async #write(now: number): Promise<void> {
    const { state, getUsername } = this.#deps;
    const changes = state.takeDue(now, getUsername);
    const known = await this.#writeAll(changes).catch((error) => {
      // Reconciling finds who is missing and who has left, but not a changed name.
      state.restore(changes);
      throw error;
    });
    if (known && !this.#needsReconcile) return;
    if (!this.#isFirst) this.#settledAt = performance.now() + this.#deps.times.settle;
    this.#isFirst = false;
    this.#needsReconcile = true;
    await this.#reconcile();
    this.#needsReconcile = false;
  }

  /** Corrects what is stored for this node. */
  async #reconcile(): Promise<void> {
    const { store, state, listLocal } = this.#deps;
    const stored = new Map((await store.readOwn()).map((row) => [`${row.room} ${row.userId}`, row]));
    const missing = new Map<string, PresenceChange>();
    for (const change of listLocal()) {
      const key = `${change.room} ${change.userId}`;
      if (!stored.delete(key)) missing.set(key, change);
    }
    const left = [...stored.values()].filter(({ room, userId }) => !state.isInGrace(room, userId));
    await this.#writeAll([...missing.values(), ...left.map((row) => ({ ...row, username: null }))]);
  }

  async #writeAll(changes: readonly PresenceChange[]): Promise<boolean> {
    const { store, times } = this.#deps;
    let known = await store.write(changes.slice(0, MAX_CHANGES_PER_WRITE), times.ttl);
    for (let from = MAX_CHANGES_PER_WRITE; from < changes.length; from += MAX_CHANGES_PER_WRITE) {
      known = (await store.write(changes.slice(from, from + MAX_CHANGES_PER_WRITE), times.ttl)) && known;
    }
    return known;
  }
}
