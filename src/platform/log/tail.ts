import { setTimeout as sleep } from "node:timers/promises";
import type { StoredConsumer } from "../log-consumers/consumer.ts";
import { createConsumerLeases } from "../log-consumers/leases.ts";
import type { Parked } from "../log-consumers/parked.ts";
import { createPosition } from "../log-consumers/position.ts";
import { runConsumer as runStored } from "../log-consumers/run-consumer.ts";
import type { Sql } from "../postgres/sql.ts";
import { createSignal, type Signal } from "../signal.ts";
import { backoffMs, MAX_BACKOFF_MS } from "./backoff.ts";
import type { Epoch } from "./epoch.ts";
import { CheckpointGone, createWindowCache, type TailEntry } from "./windows.ts";

/** A consumer that must see every entry of every room: once, in order per room, also those that committed late. */
export type LogConsumer = MemoryConsumer | StoredConsumer;

/** One that begins with this process, and keeps its position in memory. */
export interface MemoryConsumer {
  name: string;
  from: "now";
  /**
   * Whether it needs this entry's payload. Called for each entry; when false, the entry is not read from the database. It must be
   * true until the entry is of no use any more. Left out: it needs all.
   */
  needs?(room: string, seq: number): boolean;
  /**
   * Called with every window that has entries, also when it needs none of them. Awaited. A failure is tried again with back-off, and
   * delays this consumer alone.
   */
  handle(batch: TailBatch): Promise<void>;
  /**
   * The log went back in time, or this consumer fell out of it; what it missed is not delivered. Compare heads.
   * Awaited, and tried again as `handle` is, before the consumer goes on.
   */
  interrupted?(): Promise<void>;
}

export interface TailBatch {
  /** In order of seq within each room; what the consumer does not need is not among them. */
  entries: readonly TailEntry[];
}

export interface LogTail {
  /** Resolves once the consumer's start is fixed: every entry committed after that is delivered. */
  addConsumer(consumer: LogConsumer): Promise<void>;
  /** Something was committed, here or on another node: poll soon. Cheap enough for every commit. */
  notify(): void;
  /** Called before each pause: whether this node learns only by polling what other nodes commit. A quiet log is then polled more often. */
  pollFasterWhile(isPolling: () => boolean): void;
  /** Seconds since the last moment up to which every consumer in memory has seen all of the log; about one while nothing happens. */
  lag(): number;
  /** Resolves when all handlers have returned. */
  stop(): Promise<void>;
}

/** log_tick() makes at most one checkpoint in this time, so polling more often is of no use. */
const POLL_MS = 80;
/** Pause when nothing happens. What is not announced otherwise is seen only then, and may be at most a second late. */
const IDLE_POLL_MS = 800;
/** The same for a node that receives nothing. */
const POLLING_NODE_MS = 160;
/** Empty polls before polling slows down. */
const MAX_QUIET_POLLS = 5;

/** A consumer and how far it has come. */
interface ConsumerProgress {
  consumer: MemoryConsumer;
  /** Null: it is not known. */
  at: number | null;
  seenAt: number;
  /** Whether it needed more than half of the last window. */
  neededMajority: boolean;
}

/**
 * Follows the log by checkpoints. One poll per 80 ms while there is something to deliver (one per 800 ms when nothing happens, or 160 ms for a node that nothing else wakes) and one
 * fetch per window, handed to all consumers in memory that want all of it; each has a checkpoint of its own. Stored consumers read what
 * they want themselves, on the node that owns them.
 */
export function createLogTail({
  sql,
  leaseSql = sql,
  epoch,
  onError,
  onParked = () => {},
}: {
  sql: Sql;
  /** For the leases of stored consumers, which must not wait for a batch. */
  leaseSql?: Sql;
  epoch: Epoch;
  /** Called with every failed poll (`consumer` is null) and every failed batch; both are tried again. */
  onError: (error: unknown, consumer: string | null) => void;
  /** Called with every entry that a stored consumer went on without. */
  onParked?: (parked: Parked, consumer: string) => void;
}): LogTail {
  let windows = createWindowCache(sql);
  const signals = new Set<Signal>();
  const backoffs = new Set<Signal>();
  const idleSignal = createSignal();
  const leases = createConsumerLeases({ sql: leaseSql, onError: (error) => onError(error, null) });
  const loops: Promise<void>[] = [];
  let pollLoop: Promise<void> | undefined;
  let stopped = false;
  let latestCheckpoint = 0;
  /** When the last poll was sent, and with each consumer the poll up to which it has seen everything; ms of performance.now. */
  let polledAt = performance.now();
  const consumers = new Set<ConsumerProgress>();
  /** Counts how often the log went back in time: checkpoints in memory from before mean nothing then. */
  let generation = 0;
  /** As the last poll saw it: others may observe a new one before. */
  let seenEpoch = epoch.current();
  let quietPolls = 0;
  let isPolling = () => false;

  async function poll(): Promise<void> {
    const sent = performance.now();
    const [row] = await sql<{ tick: number; epoch: string }[]>`SELECT log_tick()::float8 AS tick, log_epoch() AS epoch`;
    const wentBack = row!.epoch !== seenEpoch || row!.tick < latestCheckpoint;
    if (wentBack) {
      generation++;
      windows = createWindowCache(sql); // what is cached there is of the generation before
    }
    seenEpoch = row!.epoch;
    epoch.observe(row!.epoch);
    quietPolls = wentBack || row!.tick !== latestCheckpoint ? 0 : quietPolls + 1;
    latestCheckpoint = row!.tick;
    polledAt = sent;
    for (const each of consumers) if (each.at !== null && each.at >= latestCheckpoint && !wentBack) each.seenAt = sent;
    if (quietPolls === 0) for (const signal of signals) signal.notify();
  }

  async function runPollLoop(): Promise<void> {
    while (!stopped) {
      let idle = IDLE_POLL_MS;
      try {
        await poll();
        if (isPolling()) idle = POLLING_NODE_MS;
      } catch (error) {
        quietPolls++;
        onError(error, null);
      }
      await sleep(POLL_MS);
      const more =
        quietPolls < MAX_QUIET_POLLS ? 0 : Math.min(idle, POLL_MS * 2 ** (quietPolls - MAX_QUIET_POLLS + 1)) - POLL_MS;
      if (more > 0 && !stopped) await idleSignal.wait(more);
    }
  }

  function createSignals(): { signal: Signal; backoff: Signal } {
    const [signal, backoff] = [createSignal(), createSignal()];
    signals.add(signal);
    // Of its own: what others commit meanwhile must not end it.
    backoffs.add(backoff);
    return { signal, backoff };
  }

  async function runConsumer(consumer: MemoryConsumer, begin: number): Promise<void> {
    const { signal, backoff } = createSignals();
    let at: number | null = begin;
    const progress: ConsumerProgress = { consumer, at, seenAt: performance.now(), neededMajority: false };
    consumers.add(progress);
    let ownGeneration = generation;
    let wasInterrupted = false;
    let failures = 0;
    while (!stopped) {
      progress.at = at;
      if (at !== null && latestCheckpoint <= at && ownGeneration === generation) {
        progress.seenAt = polledAt;
        await signal.wait(MAX_BACKOFF_MS);
        continue;
      }
      try {
        if (at === null || ownGeneration !== generation) {
          wasInterrupted ||= ownGeneration !== generation;
          ownGeneration = generation;
          at = null;
          const next = await readNewest();
          if (wasInterrupted) await consumer.interrupted?.();
          wasInterrupted = false;
          at = next;
          continue;
        }
        at = await consumeWindow(progress, at);
        failures = 0;
      } catch (error) {
        onError(error, consumer.name);
        if (error instanceof CheckpointGone) ownGeneration = -1;
        if (!stopped) await backoff.wait(backoffMs(failures++));
      }
    }
  }

  /** Resolves when it is running, to the loop. */
  async function startStored(consumer: StoredConsumer): Promise<{ loop: Promise<void> }> {
    await createPosition(sql, consumer);
    const own = createSignals();
    await leases.add(consumer.name, own.signal.notify);
    const loop = runStored(consumer, {
      ...own,
      sql,
      leases,
      newest: () => ({ checkpoint: latestCheckpoint, generation }),
      isStopped: () => stopped,
      onError: (error) => onError(error, consumer.name),
      onParked: (parked) => onParked(parked, consumer.name),
    });
    return { loop };
  }

  /** The newest checkpoint that is stored: where a consumer in memory begins. */
  async function readNewest(): Promise<number> {
    const [row] = await sql<{ tick: number }[]>`SELECT max(id)::float8 AS tick FROM ticks`;
    return row!.tick;
  }

  async function consumeWindow(progress: ConsumerProgress, from: number): Promise<number> {
    const { to, count, entries } = await readWindow(progress, from);
    if (count > 0) await progress.consumer.handle({ entries });
    return to;
  }

  /** What a consumer needs of the next window. Where most of it is wanted, or all by another consumer, all is fetched at once. */
  async function readWindow(progress: ConsumerProgress, from: number) {
    const { needs } = progress.consumer;
    const isWhole = ({ consumer: other, at }: ConsumerProgress) => other.needs === undefined && at === from;
    if (needs === undefined || progress.neededMajority || [...consumers].some(isWhole)) {
      const { to, entries } = await windows.after(from);
      const needed = needs === undefined ? entries : entries.filter(({ room, seq }) => needs(room, seq));
      progress.neededMajority = needed.length * 2 > entries.length;
      return { to, count: entries.length, entries: needed };
    }
    const { to, rooms } = await windows.seqsAfter(from);
    const needed = rooms.flatMap(({ seqs, ...room }) => {
      const some = seqs.filter((seq) => needs(room.room, seq));
      return some.length === 0 ? [] : [{ ...room, seqs: some }];
    });
    const [count, neededCount] = [rooms, needed].map((each) => each.reduce((sum, { seqs }) => sum + seqs.length, 0));
    progress.neededMajority = neededCount! * 2 > count!;
    return { to, count: count!, entries: needed.length === 0 ? [] : await windows.entriesAt(from, to, needed) };
  }

  return {
    async addConsumer(consumer) {
      if (consumer.from === "stored") loops.push((await startStored(consumer)).loop);
      else loops.push(runConsumer(consumer, await readNewest()));
      pollLoop ??= runPollLoop();
    },
    notify() {
      quietPolls = 0;
      idleSignal.notify();
    },
    pollFasterWhile(predicate) {
      isPolling = predicate;
    },
    lag: () => Math.max(0, performance.now() - Math.min(polledAt, ...[...consumers].map((f) => f.seenAt))) / 1_000,
    async stop() {
      stopped = true;
      idleSignal.notify();
      for (const signal of [...signals, ...backoffs]) signal.notify();
      await Promise.all([pollLoop, ...loops]);
      await leases.stop();
    },
  };
}
