import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { ConnectionLimiter } from "./connection-limiter.ts";
import { IncompleteRequests } from "./incomplete-requests.ts";

class Session extends EventEmitter {
  gone = false;
  /** Opens a call; returns a function that ends it. */
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
  const limiter = new ConnectionLimiter(3);
  const open = () => {
    const session = new Session();
    limiter.add(session);
    return session;
  };
  const [a, b, c] = [open(), open(), open()];
  const end = a.call();
  const d = open();
  expect([a, b, c, d].map(({ gone }) => gone)).toEqual([false, true, false, false]);
  c.call()();
  const e = open();
  expect([a, c, d, e].map(({ gone }) => gone)).toEqual([false, false, true, false]);
  c.call();
  e.call();
  const refused = open();
  expect([a, c, e, refused].map(({ gone }) => gone)).toEqual([false, false, false, true]);
  end();
  const f = open();
  expect([a, c, e, f].map(({ gone }) => gone)).toEqual([true, false, false, false]);
  f.destroy();
  expect(open().gone).toBe(false);
});

class Request extends EventEmitter {
  resetBy: number | null = null;
  close(code: number): void {
    this.resetBy = code;
  }
}

test("a request that has not come whole in time is reset, in a second when there are thousands; a whole one is not", () => {
  const incomplete = new IncompleteRequests();
  const begin = (now: number) => {
    const request = new Request();
    incomplete.add(request, now);
    return request;
  };
  const [slow, whole, cancelled] = [begin(0), begin(0), begin(0)];
  whole.emit("end");
  cancelled.emit("close");
  incomplete.resetOverdue(29_999);
  expect([slow, whole, cancelled].map(({ resetBy }) => resetBy)).toEqual([null, null, null]);
  incomplete.resetOverdue(30_000);
  expect([slow, whole, cancelled].map(({ resetBy }) => resetBy)).toEqual([11, null, null]);
  const burst = Array.from({ length: 5_000 }, (_, n) => begin(40_000 + n));
  incomplete.resetOverdue(45_000);
  expect(burst.findIndex(({ resetBy }) => resetBy === null)).toBe(4_001);
  for (const request of burst) request.emit("close");
  expect(incomplete.count).toBe(0);
  incomplete.resetOverdue();
});
