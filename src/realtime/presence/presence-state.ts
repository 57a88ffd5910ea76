import type { PresenceChange } from "./presence-store.ts";

/** Of somebody who is here: written at the next round. */
const PRESENT = 0;

/**
 * Who came and went on this node since the last round. Once it is written nothing is kept of it: ten thousand people who stay
 * where they are cost nothing here.
 */
export class PresenceState {
  /** By room and person: PRESENT, or when they count as gone. */
  readonly #rooms = new Map<string, Map<string, number>>();

  markJoined(room: string, userId: string): void {
    this.#setDue(room, userId, PRESENT);
  }

  /** @param graceEndsAt when the grace ends, by the clock of `take` */
  markLeft(room: string, userId: string, graceEndsAt: number): void {
    this.#setDue(room, userId, graceEndsAt);
  }

  /**
   * What is due now. Who is within the grace stays for a later round.
   * @param getUsername null: the person is no longer here after all
   */
  takeDue(now: number, getUsername: (userId: string) => string | null): PresenceChange[] {
    const changes: PresenceChange[] = [];
    for (const [room, people] of this.#rooms) {
      for (const [userId, due] of people) {
        if (due > now) continue;
        people.delete(userId);
        changes.push({ room, userId, username: due === PRESENT ? getUsername(userId) : null });
      }
      if (people.size === 0) this.#rooms.delete(room);
    }
    return changes;
  }

  /** What was taken could not be written: who came is due again, under the name they have then, unless they left since. */
  restore(changes: readonly PresenceChange[]): void {
    for (const { room, userId, username } of changes)
      if (username !== null && !this.#rooms.get(room)?.has(userId)) this.markJoined(room, userId);
  }

  /** Whether the person went a short while ago, and is still shown. */
  isInGrace(room: string, userId: string): boolean {
    return (this.#rooms.get(room)?.get(userId) ?? PRESENT) !== PRESENT;
  }

  #setDue(room: string, userId: string, due: number): void {
    const people = this.#rooms.get(room);
    if (people) people.set(userId, due);
    else this.#rooms.set(room, new Map([[userId, due]]));
  }
}
