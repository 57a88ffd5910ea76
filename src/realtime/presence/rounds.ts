import type { Arrivals } from "./arrivals.ts";
import type { Change, PresenceStore } from "./presence.ts";
import { CHANGES_AT_ONCE, type PresenceTimes } from "./times.ts";

export interface RoundDeps {
  store: PresenceStore;
  arrivals: Arrivals;
  /** Everybody who is in a room with a member list on this node; a person with several connections may come several times. */
  here: () => Iterable<Change>;
  nameOf: (userId: string) => string | null;
  logger: { warn(fields: object, message: string): void };
  times: PresenceTimes;
}

/**
 * Once a second, one round after the other: writes what changed on this node, takes away what dead nodes left, and then has shown what
 * others wrote. The store may be away or forget: presence then stands still, and afterwards every node puts its people back.
 */
export class Rounds {
  readonly #deps: RoundDeps;
  readonly #show: (now: number) => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<void> = Promise.resolve();
  #stopped = true;
  /** What the store holds of this node may not be what it should. */
  #doubtful = false;
  #away = false;
  /** Before this time others may not have put their people back yet. */
  #settled = 0;
  #first = true;

  constructor(deps: RoundDeps, show: (now: number) => Promise<void>) {
    this.#deps = deps;
    this.#show = show;
  }

  /** Whether the last round could read and write the store. */
  get up(): boolean {
    return !this.#away;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#plan();
  }

  /** Those who are still here are given the grace to come back on another node. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
    const { store, times } = this.#deps;
    await store.write([], times.grace).catch(() => {});
  }

  #plan(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#round().then(() => {
        if (!this.#stopped) this.#plan();
      });
    }, this.#deps.times.round);
    this.#timer.unref();
  }

  async #round(): Promise<void> {
    const now = performance.now();
    try {
      await this.#write(now);
      if (this.#away) this.#deps.logger.warn({}, "presence goes on");
      this.#away = false;
      if (now < this.#settled) return;
      // A node that was away itself does not take the others for dead: they may be on their way back too.
      for (let parts = 0; parts < 100 && (await this.#deps.store.sweep()); parts++);
      await this.#show(now);
    } catch (error) {
      this.#doubtful = true;
      if (!this.#away) this.#deps.logger.warn({ err: error }, "presence stands still until its store is back");
      this.#away = true;
    }
  }

  async #write(now: number): Promise<void> {
    const { arrivals, nameOf } = this.#deps;
    const changes = arrivals.take(now, nameOf);
    const known = await this.#writeAll(changes).catch((error) => {
      // Who is here and who is not is found out afterwards; that somebody has another name is not.
      arrivals.returned(changes);
      throw error;
    });
    if (known && !this.#doubtful) return;
    if (!this.#first) this.#settled = performance.now() + this.#deps.times.settle;
    this.#first = false;
    this.#doubtful = true;
    await this.#putBack();
    this.#doubtful = false;
  }

  /** Makes what the store holds of this node what it should be. */
  async #putBack(): Promise<void> {
    const { store, arrivals, here } = this.#deps;
    const held = new Map((await store.own()).map((place) => [`${place.room} ${place.userId}`, place]));
    const missing = new Map<string, Change>();
    for (const change of here()) {
      const key = `${change.room} ${change.userId}`;
      if (!held.delete(key)) missing.set(key, change);
    }
    const gone = [...held.values()].filter(({ room, userId }) => !arrivals.inGrace(room, userId));
    await this.#writeAll([...missing.values(), ...gone.map((place) => ({ ...place, username: null }))]);
  }

  async #writeAll(changes: readonly Change[]): Promise<boolean> {
    const { store, times } = this.#deps;
    let known = await store.write(changes.slice(0, CHANGES_AT_ONCE), times.life);
    for (let from = CHANGES_AT_ONCE; from < changes.length; from += CHANGES_AT_ONCE) {
      known = (await store.write(changes.slice(from, from + CHANGES_AT_ONCE), times.life)) && known;
    }
    return known;
  }
}
