import type { Cluster } from "./cluster.ts";

/** A fault that is injected under load. `lasts`: s of the run that belong to it, its end included. */
export interface Fault {
  name: string;
  sleepSeconds: number;
  /** Affects the broker's server, so not where PostgreSQL is the broker. */
  toBroker?: true;
  inject(cluster: Cluster): Promise<void>;
}

const seconds = (n: number) => Bun.sleep(n * 1_000);

/** One after the other, so that each is seen for itself. */
export const FAULTS: Fault[] = [
  { name: "nothing but kicked connections", sleepSeconds: 5, inject: async () => {} },
  {
    name: "kill -9 of a node, started again",
    sleepSeconds: 9,
    async inject({ nodes }) {
      await nodes[1]!.kill();
      await seconds(2);
      await nodes[1]!.start();
    },
  },
  {
    name: "kill -9 of the broker, started again after 3 s",
    sleepSeconds: 7,
    toBroker: true,
    async inject({ broker }) {
      await broker?.kill();
      await seconds(3);
      await broker?.start();
    },
  },
  {
    name: "the broker stopped for 4 s (SIGSTOP, SIGCONT)",
    sleepSeconds: 7,
    toBroker: true,
    async inject({ broker }) {
      broker?.pause();
      await seconds(4);
      broker?.resume();
    },
  },
  {
    name: "kill -9 of PostgreSQL, started again",
    sleepSeconds: 9,
    async inject({ postgres }) {
      process.kill(postgres.pid()!, "SIGKILL");
    },
  },
  {
    name: "a node's link to the broker half-open for 5 s",
    sleepSeconds: 8,
    async inject({ brokerProxy }) {
      brokerProxy.stall();
      await seconds(5);
      brokerProxy.restore();
    },
  },
  {
    name: "a node's link to PostgreSQL half-open for 4 s, then 50 ms slow",
    sleepSeconds: 10,
    async inject({ postgresProxy }) {
      postgresProxy.stall();
      await seconds(4);
      postgresProxy.restore();
      postgresProxy.delay(50);
      await seconds(3);
      postgresProxy.delay(0);
    },
  },
  {
    name: "a node drained and started again",
    sleepSeconds: 10,
    async inject({ nodes }) {
      const code = await nodes[2]!.drain();
      if (code !== 0) throw new Error(`the drained node ended with ${code}`);
      await nodes[2]!.start();
    },
  },
];
