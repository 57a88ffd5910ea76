/** Lets one loop sleep until its time is over or somebody rings. A ring while nobody sleeps is not kept. */
export interface Bell {
  sleep(ms: number): Promise<void>;
  ring(): void;
}

export function createBell(): Bell {
  let wake: (() => void) | null = null;
  return {
    sleep(ms) {
      return new Promise((resolve) => {
        const timer = setTimeout(done, ms);
        function done() {
          clearTimeout(timer);
          wake = null;
          resolve();
        }
        wake = done;
      });
    },
    ring() {
      wake?.();
    },
  };
}
