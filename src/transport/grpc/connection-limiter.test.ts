import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { ConnectionLimiter } from "./connection-limiter.ts";
import { IncompleteRequests } from "./incomplete-requests.ts";

class Session extends EventEmitter {
  gone = false;
  /** Opens a call; answers what ends it. */
  call(): () => void {
    const stream = new EventEmitter();
    this.emit("stream", stream);
    return () => void stream.emit("close");
  }
  destroy(): void {
    this.gone = true;
    this.emit("close");
  }
}

test("when there are too many connections, the one without a call for longest is closed, and no other", () => {
  const places = new ConnectionLimiter(3);
  const come = () => {
    const session = new Session();
    places.add(session);
    return session;
  };
  const [a, b, c] = [come(), come(), come()];
  const end = a.call();
  const d = come();
  expect([a, b, c, d].map(({ gone }) => gone)).toEqual([false, true, false, false]);
  c.call()();
  const e = come();
  expect([a, c, d, e].map(({ gone }) => gone)).toEqual([false, false, true, false]);
  c.call();
  e.call();
  const refused = come();
  expect([a, c, e, refused].map(({ gone }) => gone)).toEqual([false, false, false, true]);
  end();
  const f = come();
  expect([a, c, e, f].map(({ gone }) => gone)).toEqual([true, false, false, false]);
  f.destroy();
  expect(come().gone).toBe(false);
});

class Request extends EventEmitter {
  resetBy: number | null = null;
  close(code: number): void {
    this.resetBy = code;
  }
}

test("a request that has not come whole in time is reset, in a second when there are thousands; a whole one is not", () => {
  const dawdlers = new IncompleteRequests();
  const begin = (now: number) => {
    const request = new Request();
    dawdlers.add(request, now);
    return request;
  };
  const [slow, whole, hungUp] = [begin(0), begin(0), begin(0)];
  whole.emit("end");
  hungUp.emit("close");
  dawdlers.resetOverdue(29_999);
  expect([slow, whole, hungUp].map(({ resetBy }) => resetBy)).toEqual([null, null, null]);
  dawdlers.resetOverdue(30_000);
  expect([slow, whole, hungUp].map(({ resetBy }) => resetBy)).toEqual([11, null, null]);
  const crowd = Array.from({ length: 5_000 }, (_, n) => begin(40_000 + n));
  dawdlers.resetOverdue(45_000);
  expect(crowd.findIndex(({ resetBy }) => resetBy === null)).toBe(4_001);
  for (const request of crowd) request.emit("close");
  expect(dawdlers.count).toBe(0);
  dawdlers.resetOverdue();
});
