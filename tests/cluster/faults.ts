import type { Cluster } from "./cluster.ts";

/** Something that goes wrong while people talk. `lasts`: s of the run that belong to it, its end included. */
export interface Fault {
  name: string;
  lasts: number;
  /** Happens to a broker of its own, so not where PostgreSQL is it. */
  toBroker?: true;
  happen(cluster: Cluster): Promise<void>;
}

const seconds = (n: number) => Bun.sleep(n * 1_000);

/** One after the other, so that each is seen for itself. */
export const FAULTS: Fault[] = [
  { name: "nothing but kicked connections", lasts: 5, happen: async () => {} },
  {
    name: "kill -9 of a node, started again",
    lasts: 9,
    async happen({ nodes }) {
      await nodes[1]!.kill();
      await seconds(2);
      await nodes[1]!.start();
    },
  },
  {
    name: "kill -9 of the broker, started again after 3 s",
    lasts: 7,
    toBroker: true,
    async happen({ broker }) {
      await broker?.kill();
      await seconds(3);
      await broker?.start();
    },
  },
  {
    name: "the broker stopped for 4 s (SIGSTOP, SIGCONT)",
    lasts: 7,
    toBroker: true,
    async happen({ broker }) {
      broker?.pause();
      await seconds(4);
      broker?.resume();
    },
  },
  {
    name: "kill -9 of PostgreSQL, started again",
    lasts: 9,
    async happen({ postgres }) {
      process.kill(postgres.pid()!, "SIGKILL");
    },
  },
  {
    name: "a node's wire to the broker half-open for 5 s",
    lasts: 8,
    async happen({ brokerWire }) {
      brokerWire.hush();
      await seconds(5);
      brokerWire.mend();
    },
  },
  {
    name: "a node's wire to PostgreSQL half-open for 4 s, then 50 ms slow",
    lasts: 10,
    async happen({ postgresWire }) {
      postgresWire.hush();
      await seconds(4);
      postgresWire.mend();
      postgresWire.delay(50);
      await seconds(3);
      postgresWire.delay(0);
    },
  },
  {
    name: "a node drained and started again",
    lasts: 10,
    async happen({ nodes }) {
      const code = await nodes[2]!.drain();
      if (code !== 0) throw new Error(`the drained node ended with ${code}`);
      await nodes[2]!.start();
    },
  },
];
