import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LogEntry } from "../../src/platform/log/entry.ts";
import type { BrokerTransport, TransportAddress } from "../../src/realtime/broker/broker-transport.ts";
import { createBroker, type NodeBroker } from "../../src/realtime/broker/create-broker.ts";
import { waitUntil } from "./wait-until.ts";

/** A server that the broker's suite may break, and transports to it. */
export interface BrokerFixture {
  connect(address: TransportAddress): Promise<BrokerTransport>;
  /** A separate transport that can be isolated and restored. */
  connectFragile(
    address: TransportAddress,
  ): Promise<{ transport: BrokerTransport; isolate(): void; restore(): void; close(): Promise<void> }>;
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): void;
  /** Puts this on the channel of all nodes of the cluster, past every rule. */
  publishRaw(cluster: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** A fifth of the real ones, and of the registry's. */
const TIMES = { interval: 200, timeout: 2_000 };

let clusters = 0;

/**
 * Nodes that know each other by the registry: each writes its row and reads all others' every three heartbeats, or
 * when it is asked to.
 */
export class TestCluster {
  readonly name = `t${process.pid}${Date.now().toString(36)}${clusters++}`;
  readonly brokers = new Map<number, NodeBroker>();
  /** Numbers of the nodes that all consider alive. */
  readonly liveNodes = new Set<number>();
  readonly errors: unknown[] = [];
  /** Numbers of nodes that have written that they receive. */
  readonly #receiving = new Set<number>();
  readonly #renewals: ReturnType<typeof setInterval>[] = [];

  async join(
    node: number,
    connect: (address: TransportAddress) => Promise<BrokerTransport>,
    times = TIMES,
  ): Promise<TestNode> {
    const address = { cluster: this.name, instanceId: `n${node}x${Math.random().toString(36).slice(2, 10)}` };
    this.liveNodes.add(node);
    const received: LogEntry[] = [];
    const announced: string[] = [];
    let isAnyOtherReceiving = false;
    const renew = () => {
      if (this.brokers.get(node)?.isReceiving) this.#receiving.add(node);
      else this.#receiving.delete(node);
      isAnyOtherReceiving = [...this.#receiving].some((other) => other !== node && this.liveNodes.has(other));
    };
    this.#renewals.push(setInterval(renew, 3 * times.interval));
    const broker = createBroker({
      transport: await connect(address),
      instanceId: address.instanceId,
      node: () => node,
      epoch: () => "life",
      nodes: {
        getNumbers: () => [...this.liveNodes],
        areOthersReceiving: () => isAnyOtherReceiving,
        refresh: renew,
      },
      logger: { info: () => {}, warn: ({ err }: { err?: unknown }) => err && this.errors.push(err) },
      times,
    });
    this.brokers.set(node, broker);
    broker.receive({
      entries: (entries) => received.push(...entries),
      announced: (room, seq) => announced.push(`${room} ${seq}`),
    });
    return { broker, received, announced };
  }

  async stop(): Promise<void> {
    for (const renewal of this.#renewals) clearInterval(renewal);
    await Promise.all([...this.brokers.values()].map((broker) => broker.stop()));
  }
}

export interface TestNode {
  broker: NodeBroker;
  received: LogEntry[];
  announced: string[];
}

export const entry = (seq: number, text = "hello"): LogEntry => ({
  room: "channel:1",
  seq,
  type: "message:created",
  payload: JSON.stringify({ content: text }),
});

const PROBES = 1_000_000;
let probes = PROBES;

/** Publishes until it is received: what was published while no node could receive it is lost, as it may be. */
export async function untilReceived(from: TestNode, to: TestNode): Promise<void> {
  const seq = probes++;
  await waitUntil("one node receives from the other", async () => {
    from.broker.publish([entry(seq)]);
    await sleep(20);
    return to.received.some((one) => one.seq === seq);
  });
}

/** What every broker must do, on a real server. */
export function brokerContract(
  name: string,
  makeFixture: () => Promise<BrokerFixture>,
  check: typeof test = test,
): void {
  const group = check === test ? describe : describe.skip;
  group(`broker: ${name}`, () => {
    let fixture: BrokerFixture;
    let cluster: TestCluster;
    let [a, b, c]: TestNode[] = [];

    beforeAll(async () => {
      fixture = await makeFixture();
      cluster = new TestCluster();
      a = await cluster.join(1, fixture.connect);
      b = await cluster.join(2, fixture.connect);
      c = await cluster.join(3, fixture.connect);
      for (const [from, to] of pairs()) await untilReceived(from, to);
    }, 60_000);

    afterAll(async () => {
      await cluster?.stop();
      await fixture?.close();
    }, 60_000);

    const isHealthy = ({ broker }: TestNode) => broker.health() === "ok" && broker.isReceiving;

    function pairs(): [TestNode, TestNode][] {
      const all = [a!, b!, c!];
      return all.flatMap((from) => all.filter((to) => to !== from).map((to): [TestNode, TestNode] => [from, to]));
    }

    check("entries of one node come to all others in its order, as they are, and not back to itself", async () => {
      const said = Array.from({ length: 600 }, (_, i) => entry(i + 1, `Grüße ${i} 🎭 \u2028 \\n "q" %20_`));
      for (const node of [a!, b!, c!]) node.received.length = 0;
      for (let i = 0; i < said.length; i += 7) {
        a!.broker.publish(said.slice(i, i + 7));
        if (i % 3 === 0) await sleep(1);
      }
      // A message by which the nodes found each other may still be on its way.
      const entriesFor = ({ received }: TestNode) => received.filter(({ seq }) => seq < PROBES);
      for (const node of [b!, c!]) {
        await waitUntil("all came", () => entriesFor(node).length >= said.length);
        expect(entriesFor(node)).toEqual(said);
      }
      expect(entriesFor(a!)).toEqual([]);
    });

    check("what is too big for the server is announced, or travels in chunks", async () => {
      const payload = "ü🎭".repeat(100_000);
      b!.broker.onRequest("big", (text) => [text, 2]);
      a!.broker.onRequest("big", () => 1);
      c!.broker.onRequest("big", () => 3);
      const messages: unknown[] = [];
      c!.broker.on("big message", (message, from) => messages.push([message, from]));
      a!.broker.publish([entry(701, payload.repeat(2)), entry(702)]);
      a!.broker.send("big message", { payload });
      await waitUntil("the entry after it came", () => b!.received.at(-1)?.seq === 702);
      expect(b!.announced).toContain("channel:1 701");
      expect(await a!.broker.gather("big", payload, 10_000)).toEqual({
        replies: expect.arrayContaining([1, [payload, 2], 3]),
        partial: false,
      });
      await waitUntil("the message came", () => messages.length > 0);
      expect(messages).toEqual([[{ payload }, 1]]);
    });

    check("a request gets a reply from all; from fewer when one is dead, marked as partial", async () => {
      for (const [i, node] of [a!, b!, c!].entries()) node.broker.onRequest("who", (question) => `${question} ${i}`);
      const all = await Promise.all(["x", "y"].map((question) => a!.broker.gather<string>("who", question, 10_000)));
      expect(all.map(({ partial }) => partial)).toEqual([false, false]);
      expect(all.map(({ replies: results }) => results.toSorted())).toEqual([
        ["x 0", "x 1", "x 2"],
        ["y 0", "y 1", "y 2"],
      ]);
      cluster.liveNodes.add(9);
      const asked = performance.now();
      const some = await b!.broker.gather<string>("who", "z", 600);
      expect(performance.now() - asked).toBeGreaterThan(590);
      cluster.liveNodes.delete(9);
      expect(some.partial).toBe(true);
      expect(some.replies.toSorted()).toEqual(["z 0", "z 1", "z 2"]);
    });

    check("a node that fails makes the result partial immediately", async () => {
      a!.broker.onRequest("fails", () => 1);
      b!.broker.onRequest("fails", () => Promise.reject(new Error("no")));
      const { replies, partial } = await a!.broker.gather("fails", null, 20_000);
      expect([replies, partial]).toEqual([[1], true]);
    });

    check("what is not ours on the channel is counted and harms nothing", async () => {
      const before = b!.broker.counts.dropped.malformed;
      const head = "usher1 n9 9 life 1";
      const lines = [
        "E channel:1",
        "E a b c d",
        'E channel:1 5 t {"open":',
        "W x {",
        "Q 1 who",
        "R",
        "F x 1 2",
        "?",
        "",
      ];
      const bad = ["", "garbage", "\n\n\n", `${head}\n${lines.join("\n")}`, "usher1\nE channel:1 9 t {}", "{}"];
      for (const text of bad) await fixture.publishRaw(cluster.name, text);
      await untilReceived(a!, b!);
      expect(b!.broker.counts.dropped.malformed).toBeGreaterThanOrEqual(before + 8);
      expect(b!.received.filter(({ seq }) => seq === 5 || seq === 9)).toHaveLength(2); // of the first test alone
      await fixture.publishRaw(cluster.name, "usher1 n9 9 another-life 1\nE channel:1 424242 t {}");
      await waitUntil("another life was counted", () => b!.broker.counts.dropped.foreign > 0);
      expect(b!.received.some(({ seq }) => seq === 424242)).toBe(false);
    });

    check("two clusters on one server do not receive from each other", async () => {
      const others = new TestCluster();
      const x = await others.join(1, fixture.connect);
      const y = await others.join(2, fixture.connect);
      const before = [b!.broker.counts.dropped.foreign, b!.broker.counts.dropped.malformed];
      await untilReceived(x, y);
      const last = x.received.length;
      a!.broker.publish([entry(801)]);
      await waitUntil("the own cluster received it", () => b!.received.at(-1)?.seq === 801);
      await untilReceived(x, y);
      expect(x.received).toHaveLength(last);
      expect([b!.broker.counts.dropped.foreign, b!.broker.counts.dropped.malformed]).toEqual(before);
      await others.stop();
    });

    check(
      "the server dies and comes back: nothing throws, no node is isolated, and it continues",
      async () => {
        await fixture.kill();
        const states = new Set<string>();
        await waitUntil("all say that it is away", () => {
          for (const { broker } of [a!, b!, c!]) {
            broker.publish([entry(901)]);
            states.add(broker.health());
          }
          return [a!, b!, c!].every(({ broker }) => broker.health() === "away");
        });
        const asked = performance.now();
        expect(await a!.broker.gather("who", "w", 20_000)).toEqual({ replies: ["w 0"], partial: true });
        expect(performance.now() - asked).toBeLessThan(10_000);
        await fixture.start();
        for (const [from, to] of pairs()) await untilReceived(from, to);
        await waitUntil("all are well", () => {
          for (const { broker } of [a!, b!, c!]) states.add(broker.health());
          return [a!, b!, c!].every(isHealthy);
        });
        expect(states).not.toContain("isolated");
      },
      60_000,
    );

    check(
      "the server freezes and thaws: the same",
      async () => {
        await fixture.pause();
        const states = new Set<string>();
        try {
          // What a server does not accept must not pile up.
          const before = { ...c!.broker.counts.dropped };
          const bytesBefore = c!.broker.counts.bytesOut;
          for (let i = 0; i < 60; i++) {
            c!.broker.send("flood", "x".repeat(500_000));
            if (i % 10 === 0) await sleep(5);
          }
          await sleep(5);
          const { slow, away } = c!.broker.counts.dropped;
          expect(slow - before.slow + away - before.away).toBeGreaterThan(0);
          expect(c!.broker.counts.bytesOut - bytesBefore).toBeLessThan(18_000_000);
          await waitUntil("all say that it is away", () => {
            for (const { broker } of [a!, b!, c!]) {
              broker.publish([entry(902)]);
              states.add(broker.health());
            }
            return [a!, b!, c!].every(({ broker }) => broker.health() === "away");
          });
        } finally {
          // Also after a failure: the tests after this one need the server.
          fixture.resume();
        }
        for (const [from, to] of pairs()) await untilReceived(from, to);
        await waitUntil("all are well", () => [a!, b!, c!].every(isHealthy));
        expect(states).not.toContain("isolated");
      },
      60_000,
    );

    check(
      "a node that alone receives nothing reports it, and receives again",
      async () => {
        let fragile: Awaited<ReturnType<BrokerFixture["connectFragile"]>> | null = null;
        const isolated = await cluster.join(4, async (address) => {
          fragile = await fixture.connectFragile(address);
          return fragile.transport;
        });
        await untilReceived(a!, isolated);
        await untilReceived(isolated, a!);
        fragile!.isolate();
        const began = performance.now();
        await waitUntil("it says that it is isolated", () => isolated.broker.health() === "isolated");
        expect(performance.now() - began).toBeLessThan(TIMES.timeout + 5 * TIMES.interval);
        expect([a!, b!, c!].map(({ broker }) => broker.health())).toEqual(["ok", "ok", "ok"]);
        fragile!.restore();
        await untilReceived(a!, isolated);
        await waitUntil("it is well", () => isolated.broker.health() === "ok");
        await isolated.broker.stop();
        await fragile!.close();
        cluster.brokers.delete(4);
        cluster.liveNodes.delete(4);
      },
      60_000,
    );

    check(
      "a server that is not there at the start is found when it comes",
      async () => {
        await fixture.kill();
        const late = await cluster.join(5, fixture.connect);
        late.broker.publish([entry(903)]);
        await waitUntil("it says that it is away", () => late.broker.health() === "away");
        await fixture.start();
        await untilReceived(late, a!);
        await untilReceived(a!, late);
        await late.broker.stop();
        cluster.brokers.delete(5);
        cluster.liveNodes.delete(5);
      },
      60_000,
    );
  });
}
