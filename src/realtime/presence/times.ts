/** The times of presence, all in ms; shorter in tests. */
export interface PresenceTimes {
  /** Between two syncs. A change waits at most twice as long. */
  interval: number;
  /** A person who was away for so long has left; one who comes back earlier, on any node, has not. */
  grace: number;
  /** A node that has not written for so long is dead. */
  ttl: number;
  /** After the store was away or lost data: time for all nodes to write their people again; meanwhile nothing is broadcast. */
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

/** Maximum length of a list; of a fuller room only the count is sent. */
export const MAX_LISTED_MEMBERS = 200;

/** Changes of one write. */
export const MAX_CHANGES_PER_WRITE = 2_000;
