import type { PresenceState } from "./presence-state.ts";
import type { PresenceChange, PresenceStore } from "./presence-store.ts";
import { MAX_CHANGES_PER_WRITE, type PresenceTimes } from "./times.ts";

export interface PresenceSyncDeps {
  store: PresenceStore;
  state: PresenceState;
  /** Everybody who is in a room with a member list on this node; a person with several connections may come several times. */
  listLocal: () => Iterable<PresenceChange>;
  getUsername: (userId: string) => string | null;
  logger: { warn(fields: object, message: string): void };
  times: PresenceTimes;
}

/**
 * Once a second, one round after the other: writes what changed on this node, takes away what dead nodes left, and then has shown what
 * others wrote. The store may be away or forget: presence then stands still, and afterwards every node puts its people back.
 */
export class PresenceSync {
  readonly #deps: PresenceSyncDeps;
  readonly #broadcast: (now: number) => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<void> = Promise.resolve();
  #isStopped = true;
  /** What the store holds of this node may not be what it should. */
  #needsReconcile = false;
  #isUnavailable = false;
  /** Before this time others may not have put their people back yet. */
  #settledAt = 0;
  #isFirst = true;

  constructor(deps: PresenceSyncDeps, broadcast: (now: number) => Promise<void>) {
    this.#deps = deps;
    this.#broadcast = broadcast;
  }

  /** Whether the last round could read and write the store. */
  get isUp(): boolean {
    return !this.#isUnavailable;
  }

  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#schedule();
  }

  /** Those who are still here are given the grace to come back on another node. */
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
      if (this.#isUnavailable) this.#deps.logger.warn({}, "presence goes on");
      this.#isUnavailable = false;
      if (now < this.#settledAt) return;
      // A node that was away itself does not take the others for dead: they may be on their way back too.
      for (let parts = 0; parts < 100 && (await this.#deps.store.sweep()); parts++);
      await this.#broadcast(now);
    } catch (error) {
      this.#needsReconcile = true;
      if (!this.#isUnavailable) this.#deps.logger.warn({ err: error }, "presence stands still until its store is back");
      this.#isUnavailable = true;
    }
  }

  async #write(now: number): Promise<void> {
    const { state, getUsername } = this.#deps;
    const changes = state.takeDue(now, getUsername);
    const known = await this.#writeAll(changes).catch((error) => {
      // Who is here and who is not is found out afterwards; that somebody has another name is not.
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

  /** Makes what the store holds of this node what it should be. */
  async #reconcile(): Promise<void> {
    const { store, state, listLocal } = this.#deps;
    const stored = new Map((await store.readOwn()).map((place) => [`${place.room} ${place.userId}`, place]));
    const missing = new Map<string, PresenceChange>();
    for (const change of listLocal()) {
      const key = `${change.room} ${change.userId}`;
      if (!stored.delete(key)) missing.set(key, change);
    }
    const gone = [...stored.values()].filter(({ room, userId }) => !state.isInGrace(room, userId));
    await this.#writeAll([...missing.values(), ...gone.map((place) => ({ ...place, username: null }))]);
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
