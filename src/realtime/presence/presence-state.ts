import type { PresenceChange } from "./presence-store.ts";

/** Of a person who is in the room: written at the next sync. */
const PRESENT = 0;

/**
 * Who joined and left on this node since the last sync. What is written is deleted here: ten thousand people who stay where they
 * are cost nothing.
 */
export class PresenceState {
  /** By room and person: PRESENT, or when they count as having left. */
  readonly #rooms = new Map<string, Map<string, number>>();

  markJoined(room: string, userId: string): void {
    this.#setDue(room, userId, PRESENT);
  }

  /** @param graceEndsAt when the grace ends, by the clock of `takeDue` */
  markLeft(room: string, userId: string, graceEndsAt: number): void {
    this.#setDue(room, userId, graceEndsAt);
  }

  /**
   * Returns and removes what is due now. People within the grace stay for a later sync.
   * @param getUsername null: the person is no longer connected
   */
  takeDue(now: number, getUsername: (userId: string) => string | null): PresenceChange[] {
    const changes: PresenceChange[] = [];
    for (const [room, users] of this.#rooms) {
      for (const [userId, due] of users) {
        if (due > now) continue;
        users.delete(userId);
        changes.push({ room, userId, username: due === PRESENT ? getUsername(userId) : null });
      }
      if (users.size === 0) this.#rooms.delete(room);
    }
    return changes;
  }

  /** The changes could not be written: users who joined are due again, under the name they have then, unless they left since. */
  restore(changes: readonly PresenceChange[]): void {
    for (const { room, userId, username } of changes)
      if (username !== null && !this.#rooms.get(room)?.has(userId)) this.markJoined(room, userId);
  }

  /** Whether the person left a short time ago, and is still listed. */
  isInGrace(room: string, userId: string): boolean {
    return (this.#rooms.get(room)?.get(userId) ?? PRESENT) !== PRESENT;
  }

  #setDue(room: string, userId: string, due: number): void {
    const users = this.#rooms.get(room);
    if (users) users.set(userId, due);
    else this.#rooms.set(room, new Map([[userId, due]]));
  }
}
