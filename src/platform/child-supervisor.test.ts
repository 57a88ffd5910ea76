import { afterEach, expect, jest, test } from "bun:test";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { ChildSupervisor, type SupervisedChild, type SupervisorOptions } from "./child-supervisor.ts";

/** A process that ends when the test says so. */
class StubChild implements SupervisedChild {
  readonly #exited = Promise.withResolvers<number>();
  readonly exited = this.#exited.promise;
  exitCode: number | null = null;
  signalCode: NodeJS.Signals | null = null;
  readonly kills: string[] = [];

  kill(signal: NodeJS.Signals): void {
    this.kills.push(signal);
  }

  async end(code: number | null, signal: NodeJS.Signals | null = null): Promise<void> {
    this.exitCode = code;
    this.signalCode = signal;
    this.#exited.resolve(code ?? 1);
    await this.exited;
    await Promise.resolve();
  }
}

afterEach(() => jest.useRealTimers());

function supervise(options: Partial<SupervisorOptions<SupervisedChild>> = {}) {
  jest.useFakeTimers();
  const children: StubChild[] = [];
  const ends: unknown[] = [];
  const supervisor = new ChildSupervisor<SupervisedChild>({
    spawn() {
      const child = new StubChild();
      children.push(child);
      return child;
    },
    onEnd: ({ code, signal }, waitMs) => ends.push([code, signal, waitMs]),
    backoff: { first: 100, max: 300 },
    ...options,
  });
  supervisor.start();
  return { supervisor, children, ends };
}

test("a process that keeps ending is started again, each time after a longer wait, up to the longest", async () => {
  const { children, ends } = supervise();
  for (const waitMs of [100, 200, 300, 300]) {
    await children.at(-1)!.end(3);
    expect(ends.at(-1)).toEqual([3, null, waitMs]);
    const count = children.length;
    jest.advanceTimersByTime(waitMs - 1);
    expect(children).toHaveLength(count);
    jest.advanceTimersByTime(1);
    expect(children).toHaveLength(count + 1);
  }
});

test("after a run that was long enough the wait is the first again", async () => {
  const { children, ends } = supervise({ stableMs: 0 });
  for (let run = 0; run < 3; run++) {
    await children.at(-1)!.end(null, "SIGSEGV");
    jest.advanceTimersByTime(100);
  }
  expect(ends).toEqual(Array.from({ length: 3 }, () => [null, "SIGSEGV", 100]));
  expect(children).toHaveLength(4);
});

test("the process is known while it runs, and a stop between two runs is the end", async () => {
  const { supervisor, children } = supervise();
  expect(supervisor.child).toBe(children[0]!);
  await children[0]!.end(0);
  expect(supervisor.child).toBeNull();
  await supervisor.stop();
  jest.advanceTimersByTime(1_000);
  expect([children.length, children[0]!.kills.length]).toEqual([1, 0]);
});

test("a stop ends the process by SIGTERM, kills it when that takes too long, and is not the end of a run", async () => {
  const { supervisor, children, ends } = supervise({ killAfterMs: 3_000 });
  const stopped = supervisor.stop();
  jest.advanceTimersByTime(2_999);
  expect(children[0]!.kills).toEqual(["SIGTERM"]);
  jest.advanceTimersByTime(1);
  expect(children[0]!.kills).toEqual(["SIGTERM", "SIGKILL"]);
  await children[0]!.end(null, "SIGKILL");
  await stopped;
  jest.advanceTimersByTime(10_000);
  expect([children.length, ends, supervisor.isStopping]).toEqual([1, [], true]);
});

test("a process that has work to finish is never killed", async () => {
  const { supervisor, children } = supervise();
  const stopped = supervisor.stop();
  jest.advanceTimersByTime(3_600_000);
  expect(children[0]!.kills).toEqual(["SIGTERM"]);
  await children[0]!.end(0);
  await stopped;
});

test("a real process is started again with another id, and has gone after the stop", async () => {
  const ends: unknown[] = [];
  const supervisor = new ChildSupervisor({
    spawn: () => Bun.spawn(["sleep", "600"], { stdin: "ignore", stdout: "ignore", stderr: "ignore" }),
    onEnd: ({ code, signal }) => ends.push([code, signal]),
    backoff: { first: 1, max: 1 },
  });
  supervisor.start();
  const first = supervisor.child!;
  first.kill("SIGKILL");
  const second = await waitUntil("it was started again", () => (supervisor.child === first ? null : supervisor.child));
  expect(ends).toEqual([[null, "SIGKILL"]]);
  await supervisor.stop();
  expect([second.signalCode, supervisor.child]).toEqual(["SIGTERM", null]);
});
