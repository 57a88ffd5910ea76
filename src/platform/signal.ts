/** Lets one loop wait until its time is over or it is notified. A notification while nothing waits is dropped. */
export interface Signal {
  wait(ms: number): Promise<void>;
  notify(): void;
}

export function createSignal(): Signal {
  let wake: (() => void) | null = null;
  return {
    wait(ms) {
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
    notify() {
      wake?.();
    },
  };
}
