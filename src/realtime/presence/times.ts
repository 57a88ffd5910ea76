/** The clockwork of presence, all in ms; tests run it faster. */
export interface PresenceTimes {
  /** Between two rounds of writing and reading: the longest that a change waits, twice. */
  interval: number;
  /** After this long away a person has left; who comes back before was never gone, wherever they come back. */
  grace: number;
  /** A node that was not heard of for so long is dead. */
  ttl: number;
  /** After the store was away or forgot: the time in which all nodes put their people back, and nothing is shown. */
  settle: number;
  /** Between two counts of a room that is too full for a list. */
  countInterval: number;
}

export const PRESENCE_TIMES: PresenceTimes = {
  interval: 1_000,
  grace: 5_000,
  ttl: 10_000,
  settle: 5_000,
  countInterval: 5_000,
};

/** Maximum people of a list; of a fuller room only the count is told. */
export const MAX_LISTED_MEMBERS = 200;

/** Changes of one write. */
export const MAX_CHANGES_PER_WRITE = 2_000;
