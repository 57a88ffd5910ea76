import { expect, test } from "bun:test";
import { CLOSE, CODES, type Code, frameCode } from "../protocol/codes.ts";
import { parseFrameCode } from "./errors.ts";
import { flushPromises, start } from "./test-environment.ts";

test("goes from idle to live and reports each state", async () => {
  const { client, environment } = await start({}, false);
  const states: string[] = [];
  client.on("state", (state) => states.push(state));
  client.connect();
  await flushPromises();
  expect(environment.socket.url).toBe("ws://test/ws");
  expect(environment.socket.protocols).toEqual(["bearer.t"]);
  environment.socket.greet();
  expect(client.userId).toBe("7");
  expect(states).toEqual(["connecting", "open", "resuming", "live"]);
});

test("CL-3 reconnects after a lost connection, each time after a longer bounded random delay", async () => {
  const { client, environment } = await start();
  environment.randomValue = 0.999;
  const tries: number[] = [];
  for (let n = 0; n < 9; n++) {
    environment.socket.cut();
    await flushPromises();
    const before = environment.sockets.length;
    const from = environment.now();
    for (let ms = 0; ms < 11_000 && environment.sockets.length === before; ms += 50) await environment.advance(50);
    tries.push(environment.now() - from);
  }
  expect(client.state).toBe("connecting");
  expect(tries[0]).toBeLessThanOrEqual(500);
  expect(tries[3]).toBeGreaterThan(3_900);
  expect(tries[8]).toBeGreaterThan(9_900);
  expect(tries[8]).toBeLessThanOrEqual(10_000);
});

test("CL-1 waits between the two times that system:bye names", async () => {
  const { environment } = await start();
  environment.socket.receive({
    type: "system:bye",
    payload: { code: 4001, reason: "", reconnect: true, after: [2_000, 6_000] },
  });
  environment.socket.cut(4001);
  await environment.advance(3_999);
  expect(environment.sockets).toHaveLength(1);
  await environment.advance(1);
  expect(environment.sockets).toHaveLength(2);
});

test("CL-2 does not reconnect by itself after any close code that forbids it", async () => {
  for (const { code, reconnect } of Object.values(CLOSE)) {
    const { client, environment } = await start();
    environment.socket.cut(code);
    await environment.advance(60_000);
    expect([code, client.state === "refused"]).toEqual([code, !reconnect]);
    if (!reconnect) expect(environment.sockets).toHaveLength(1);
  }
});

test("an expired token is replaced by a fresh one, and the same one again is a refusal", async () => {
  const tokens = ["one", "two", "two"];
  const freshArguments: boolean[] = [];
  const getToken = async (fresh: boolean) => {
    freshArguments.push(fresh);
    return tokens.shift() ?? null;
  };
  const { client, environment } = await start({ token: undefined, getToken });
  environment.socket.cut(CLOSE.token_expired.code);
  await environment.advance(1_000);
  expect(environment.socket.protocols).toEqual(["bearer.two"]);
  environment.socket.greet();
  environment.socket.cut(CLOSE.token_expired.code);
  await environment.advance(60_000);
  expect(freshArguments).toEqual([false, true, true]);
  expect(client.state).toBe("refused");
});

test("a refused client connects again when `connect` is called, with its new token", async () => {
  const { client, environment } = await start();
  environment.socket.cut(CLOSE.signed_out.code, "This session has ended.");
  expect(client.refusal).toEqual({ code: 4102, reason: "This session has ended.", isOtherPerson: false });
  await client.setToken("new");
  client.connect();
  await flushPromises();
  expect(environment.socket.protocols).toEqual(["bearer.new"]);
});

test("a failed handshake is a refusal when REST returns 401, and is retried otherwise", async () => {
  for (const [status, state] of [
    [401, "refused"],
    [503, "connecting"],
  ] as const) {
    const respond = (async () => Response.json({ code: "x" }, { status })) as unknown as typeof fetch;
    const { client, environment } = await start({ fetch: respond }, false);
    client.connect();
    await flushPromises();
    environment.socket.cut();
    await new Promise((resolve) => setTimeout(resolve));
    await environment.advance(1_000);
    expect(client.state).toBe(state);
  }
});

test("a person whom the server takes for anonymous is refused", async () => {
  const { client, environment } = await start({ token: undefined, userId: "7" }, false);
  client.connect();
  await flushPromises();
  environment.socket.greet(null);
  await environment.advance(1_000);
  expect(client.state).toBe("refused");
  expect(environment.sockets[0]!.closed).toBe(true);
});

test("a dead connection is found by a ping without a pong, and a quiet one that replies stays open", async () => {
  const { client, environment } = await start();
  await environment.advance(30_000);
  expect(environment.socket.count("system:ping")).toBe(1);
  environment.socket.receive({ type: "system:pong", payload: {} });
  await environment.advance(29_999);
  expect(environment.socket.count("system:ping")).toBe(1);
  await environment.advance(10_000);
  expect(client.state).toBe("live");
  environment.randomValue = 0.999;
  await environment.advance(2);
  expect(client.state).toBe("waiting");
  expect(environment.sockets[0]!.closed).toBe(true);
});

test("a dead connection is found at the same time when the clock is set an hour back or forward", async () => {
  for (const setBy of [-3_600_000, 3_600_000]) {
    const { client, environment } = await start();
    await environment.advance(1_000);
    environment.socket.receive({ type: "system:pong", payload: {} });
    environment.clockOffsetMs = setBy;
    await environment.advance(29_999);
    expect(environment.socket.count("system:ping")).toBe(0);
    await environment.advance(1);
    expect(environment.socket.count("system:ping")).toBe(1);
    environment.randomValue = 0.999;
    await environment.advance(10_002);
    expect(client.state).toBe("waiting");
  }
});

test("an error of the socket's constructor is a refusal with its message, and a later connect tries again", async () => {
  const { client, environment } = await start({}, false);
  const openSocket = environment.openSocket.bind(environment);
  environment.openSocket = () => {
    throw new SyntaxError("no such address");
  };
  client.connect();
  await flushPromises();
  expect([client.state, client.refusal]).toEqual([
    "refused",
    { code: null, reason: "no such address", isOtherPerson: false },
  ]);
  environment.openSocket = openSocket;
  client.connect();
  await flushPromises();
  environment.socket.greet();
  expect(client.state).toBe("live");
});

test("a server that opens the socket and never sends system:connected is given up", async () => {
  const { client, environment } = await start({}, false);
  client.connect();
  await flushPromises();
  environment.socket.onopen?.();
  await environment.advance(11_000);
  expect(environment.sockets.length).toBeGreaterThan(1);
  expect(client.state).toBe("connecting");
});

test("the return of the network ends the wait; a doubtful connection is pinged at once", async () => {
  const { client, environment } = await start();
  environment.network("offline");
  expect(environment.socket.count("system:ping")).toBe(1);
  environment.socket.cut();
  expect(client.state).toBe("waiting");
  environment.network("online");
  await flushPromises();
  expect(client.state).toBe("connecting");
});

test("events of an old socket are ignored after close", async () => {
  const { client, environment } = await start();
  const { socket } = environment;
  client.close();
  socket.greet();
  socket.cut();
  await environment.advance(60_000);
  expect(client.state).toBe("idle");
  expect(environment.sockets).toHaveLength(1);
});

test("a command ends once: with a result, an error, a timeout, a lost connection, or never sent", async () => {
  const { client, environment } = await start();
  const succeeded = client.command("typing:start", { channel_id: "1" });
  environment.socket.receive({
    type: "system:ack",
    id: environment.socket.last("typing:start").id,
    payload: { ok: 1 },
  });
  expect(await succeeded).toEqual({ ok: 1 } as never);

  const refused = failure(client.command("typing:start", { channel_id: "1" }));
  const error = { code: "NOT_FOUND", message: "no", retry: false };
  environment.socket.receive({ type: "system:error", id: environment.socket.last("typing:start").id, payload: error });
  expect(await refused).toMatchObject({ code: "not_found", message: "no", retry: false });

  const late = failure(client.command("typing:start", { channel_id: "1" }));
  await environment.advance(15_000);
  expect(await late).toMatchObject({ code: "timeout" });

  const cut = failure(client.command("typing:start", { channel_id: "1" }));
  environment.socket.cut();
  expect(await cut).toMatchObject({ code: "disconnected", retry: true });
  expect(await failure(client.command("typing:start", { channel_id: "1" }))).toMatchObject({ code: "offline" });
});

test("every code of the table is read back from its spelling in a frame", () => {
  for (const code of Object.keys(CODES) as Code[]) expect(parseFrameCode(frameCode(code))).toBe(code);
});

test.each(["__proto__", "constructor", "valueOf"])(
  "a code that a later server may have is read as it is: %s",
  (word) => {
    expect(parseFrameCode(word)).toBe(word.toLowerCase() as Code);
  },
);

/** Bun's own `rejects` would block the test environment until the promise ends. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}
