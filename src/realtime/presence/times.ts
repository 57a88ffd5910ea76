/** The clockwork of presence, all in ms; tests run it faster. */
export interface PresenceTimes {
  /** Between two rounds of writing and reading: the longest that a change waits, twice. */
  round: number;
  /** After this long away a person has left; who comes back before was never gone, wherever he comes back. */
  grace: number;
  /** A node that was not heard of for so long is dead. */
  life: number;
  /** After the store was away or forgot: the time in which all nodes put their people back, and nothing is shown. */
  settle: number;
  /** Between two counts of a room that is too full for a list. */
  countEvery: number;
}

export const PRESENCE_TIMES: PresenceTimes = {
  round: 1_000,
  grace: 5_000,
  life: 10_000,
  settle: 5_000,
  countEvery: 5_000,
};

/** Most people of a list; of a fuller room only the count is told. */
export const LISTED = 200;

/** Changes of one write. */
export const CHANGES_AT_ONCE = 2_000;
