import type { Change } from "./presence.ts";

/** Of somebody who is here: written at the next round. */
const HERE = 0;

/**
 * Who came and went on this node since the last round. Once it is written nothing is kept of it: ten thousand people who stay
 * where they are cost nothing here.
 */
export class Arrivals {
  /** By room and person: HERE, or when he counts as gone. */
  readonly #rooms = new Map<string, Map<string, number>>();

  came(room: string, userId: string): void {
    this.#note(room, userId, HERE);
  }

  /** @param gone when the grace ends, by the clock of `take` */
  went(room: string, userId: string, gone: number): void {
    this.#note(room, userId, gone);
  }

  /**
   * What is due now. Who is within his grace stays for a later round.
   * @param nameOf null: he is no longer here after all
   */
  take(now: number, nameOf: (userId: string) => string | null): Change[] {
    const changes: Change[] = [];
    for (const [room, people] of this.#rooms) {
      for (const [userId, due] of people) {
        if (due > now) continue;
        people.delete(userId);
        changes.push({ room, userId, username: due === HERE ? nameOf(userId) : null });
      }
      if (people.size === 0) this.#rooms.delete(room);
    }
    return changes;
  }

  /** What was taken could not be written: who came is due again, under the name he has then, unless he went since. */
  returned(changes: readonly Change[]): void {
    for (const { room, userId, username } of changes)
      if (username !== null && !this.#rooms.get(room)?.has(userId)) this.came(room, userId);
  }

  /** Whether the person went a short while ago, and is still shown. */
  inGrace(room: string, userId: string): boolean {
    return (this.#rooms.get(room)?.get(userId) ?? HERE) !== HERE;
  }

  #note(room: string, userId: string, due: number): void {
    const people = this.#rooms.get(room);
    if (people) people.set(userId, due);
    else this.#rooms.set(room, new Map([[userId, due]]));
  }
}
