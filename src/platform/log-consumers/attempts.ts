/** Counts the attempts at a batch, and narrows it to the entry that makes it fail. */
export interface Attempts {
  /** Entries that the next batch may have. */
  maxRows(): number;
  /** Failures since the last success: what the back-off grows with; none while a batch is being halved. */
  failures(): number;
  /** A batch of so many entries was handled. */
  succeed(): void;
  /** It failed, for a reason that has nothing to do with its entries. */
  postpone(): void;
  /** It failed at its entries. Returns how often it was tried when it is a single one that should be parked, else null. */
  fail(entries: number): number | null;
}

export function createAttempts({ maxRows, maxAttempts }: { maxRows: number; maxAttempts: number }): Attempts {
  let rows = maxRows;
  let attempts = 0;
  let waits = 0;
  return {
    maxRows: () => rows,
    failures: () => waits,
    succeed() {
      rows = Math.min(maxRows, rows * 2);
      attempts = 0;
      waits = 0;
    },
    postpone() {
      waits++;
    },
    fail(entries) {
      attempts++;
      waits++;
      if (attempts < maxAttempts) return null;
      waits = 0;
      if (entries === 1) return attempts;
      rows = Math.ceil(entries / 2);
      return null;
    },
  };
}
