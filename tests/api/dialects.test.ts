import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";

/** The first clients' paths, asked as they have printed them. */
setDefaultTimeout(60_000);

let app: TestApp;
let ann: Account;
let bob: Account;
let channel: { id: string; name: string };

interface Account {
  id: string;
  token: string;
}
interface Envelope<T> {
  status: string;
  message: string;
  data: T;
}

beforeAll(async () => {
  app = await startTestApp();
  ann = (await request<Account>("POST", "/api/register", null, account("ann"))).data;
  bob = (await request<Account>("POST", "/api/register", null, account("bob"))).data;
  channel = (await request<typeof channel>("POST", "/api/channel", ann, { name: "General" })).data;
  await request("POST", "/api/channel/join", bob, { channel_id: channel.id });
}, 60_000);
afterAll(() => app?.close());

const account = (name: string) => ({ username: name, email: `${name}@example.org`, password: "correct horse battery" });

async function request<T>(
  method: string,
  path: string,
  who: Account | null,
  body?: object,
): Promise<Envelope<T> & { code: number }> {
  const response = await fetch(app.url + path, {
    method,
    headers: {
      "content-type": "application/json",
      ...(who === null ? {} : { authorization: `Bearer ${who.token}` }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { code: response.status, ...((await response.json()) as Envelope<T>) };
}

/** A socket of /api/message/ws that stores the texts it receives. */
async function openMessages({ query = "", headers = {} } = {}) {
  const url = `${app.socketUrl.replace(/\/ws$/, "/api/message/ws")}${query}`;
  const socket: WebSocket = Reflect.construct(WebSocket, [url, { headers }]);
  const texts: string[] = [];
  const client = { socket, texts, closed: null as number | null };
  socket.onmessage = ({ data }) => texts.push(String(data));
  socket.onclose = ({ code }) => {
    client.closed = code;
  };
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("refused"));
  });
  return client;
}

const findEchoes = ({ texts }: { texts: string[] }) =>
  texts.flatMap((text) => (text.startsWith('{"message_id":') ? [JSON.parse(text)] : []));

test("accounts return 200 in the envelope, refusals a sentence", async () => {
  const again = await request<Account>("POST", "/api/login", null, {
    email: "ann@example.org",
    password: account("ann").password,
  });
  expect(again).toMatchObject({ code: 200, status: "success", message: "login successfully" });
  expect(Object.keys(again.data).sort()).toEqual(["created_at", "email", "id", "name", "token", "username"]);
  expect(again.data.id).toBe(ann.id);
  expect(await request("POST", "/api/login", null, { email: "ann@example.org", password: "wrong password" })).toEqual({
    code: 401,
    status: "fail",
    message: "The name or the password is wrong.",
  } as never);
  expect(await request("POST", "/api/register", null, account("ann"))).toMatchObject({ code: 409, status: "fail" });
  const bad = await request("POST", "/api/register", null, { ...account("zoe"), email: "no address" });
  expect(bad).toMatchObject({ code: 422, status: "fail" });
  expect(bad.message).toStartWith("email ");
  const torn = await fetch(`${app.url}/api/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{",
  });
  expect([torn.status, await torn.json()]).toEqual([400, { status: "fail", message: "Send a JSON document." }]);
});

test("the paths work as printed, without /api, and our pages of the same names are still pages", async () => {
  const zoe = await request<Account>("POST", "/register", null, account("zoe"));
  expect(zoe).toMatchObject({ code: 200, status: "success" });
  const login = { email: "zoe@example.org", password: account("zoe").password };
  expect(await request("POST", "/login", null, login)).toMatchObject({ code: 200, status: "success" });
  const made = await request<{ id: string }>("POST", "/channel", ann, { name: "Printed" });
  expect((await request<{ id: string }>("POST", "/channel/join", zoe.data, { channel_id: made.data.id })).status).toBe(
    "success",
  );
  for (const path of ["/channel", "/user/channel", `/message?channel_id=${made.data.id}`])
    expect(await request("GET", path, zoe.data)).toMatchObject({ code: 200, status: "success" });
  for (const path of ["/register", "/login"])
    for (const init of [{ method: "GET" }, { method: "POST", body: new URLSearchParams({ who: "x" }) }]) {
      const page = await fetch(app.url + path, { ...init, redirect: "manual" });
      expect(page.headers.get("content-type")).not.toContain("json");
    }
});

test("a channel's UUID, as the first clients print it, is refused with what to send instead", async () => {
  const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
  for (const result of [
    await request("GET", `/api/message?channel_id=${uuid}`, ann),
    await request("POST", "/channel/join", ann, { channel_id: uuid }),
  ]) {
    expect(result.code).toBe(422);
    expect(result.message).toBe(
      "channel_id must be the id of a channel as /channel lists it, of digits: channels have no UUIDs here",
    );
  }
});

test("channels, messages and replies are those of v1, for the person of the token", async () => {
  const all = await request<{ id: string }[]>("GET", "/api/channel", bob);
  expect(all.data.map(({ id }) => id)).toContain(channel.id);
  const mine = await request<{ id: string }[]>("GET", "/api/user/channel", bob);
  expect(mine.data.map(({ id }) => id)).toEqual([channel.id]);
  for (const path of ["/api/channel", "/api/user/channel", `/api/message?channel_id=${channel.id}`]) {
    expect(await request("GET", path, null)).toMatchObject({ code: 401, status: "fail" });
  }

  const sent: string[] = [];
  for (let n = 1; n <= 25; n++) {
    const response = await fetch(`${app.url}/api/v1/channels/${channel.id}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${ann.token}` },
      body: JSON.stringify({ content: `text ${n}` }),
    });
    sent.push(((await response.json()) as { id: string }).id);
  }
  interface Page {
    messages: { message_id: string; content: string }[];
    replies: { content: string; user_id: string }[];
    next_cursor: string | null;
  }
  const path = `/api/message?channel_id=${channel.id}`;
  const newest = (await request<Page>("GET", path, bob)).data;
  const rest = (await request<Page>("GET", `${path}&cursor=${newest.next_cursor}`, bob)).data;
  expect([...rest.messages, ...newest.messages].map(({ message_id }) => message_id)).toEqual(sent);
  expect(rest.next_cursor).toBeNull();

  // Another person's id in the body is ignored.
  const reply = await request("POST", "/api/reply", bob, { message_id: sent[0], content: "yes", user_id: ann.id });
  expect(reply).toMatchObject({ code: 200, data: { content: "yes", user_id: bob.id } });
  const replies = (await request<Page>("GET", `/api/reply?message_id=${sent[0]}`, ann)).data;
  expect(replies).toMatchObject({ replies: [{ content: "yes", user_id: bob.id }], next_cursor: null });
});

test("bodies without an envelope are echoed with an id in bare digits, to all in the channel", async () => {
  const byHeader = await openMessages({ headers: { authorization: `Bearer ${ann.token}` } });
  const byQuery = await openMessages({ query: `?token=${bob.token}` });
  const byFrame = await openMessages();
  byFrame.socket.send(JSON.stringify({ channel: channel.id, content: "too early" }));
  await waitUntil("it was refused", () => byFrame.texts.length === 1);
  byFrame.socket.send(`Authorization: Bearer ${bob.token}`);
  const all = [byHeader, byQuery, byFrame];
  // The first sender is in their channels already; the others join while they send, so it is sent until all receive it.
  const hello = { user_id: bob.id, username: "bob", channel: channel.id };
  const sent: string[] = [];
  await waitUntil("all receive it", async () => {
    sent.push(`hello ${sent.length}`);
    byHeader.socket.send(JSON.stringify({ ...hello, content: sent.at(-1) }));
    await waitUntil("the sender receives it", () =>
      findEchoes(byHeader).some(({ content }) => content === sent.at(-1)),
    );
    return all.every((client) => findEchoes(client).length > 0);
  });
  const [first] = findEchoes(byHeader);
  // They say that they are bob; the token says who they are.
  expect(first).toMatchObject({ user_id: ann.id, username: "ann", channel: channel.id, content: "hello 0" });
  expect(new Date(first.created_at).getTime()).toBeGreaterThan(0);
  expect(byHeader.texts[0]).toMatch(/^\{"message_id":[0-9]{10,19},/);
  expect(byFrame.texts[0]).toStartWith('{"status":"fail"');

  byQuery.socket.send("rubbish");
  byQuery.socket.send(JSON.stringify({ channel: "1", content: "nowhere" }));
  await waitUntil("both were refused", () => byQuery.texts.filter((text) => text.includes('"fail"')).length === 2);
  for (const { socket } of all) socket.close();
});

test("a channel that a person joins is received from then on", async () => {
  const client = await openMessages({ query: `?token=${bob.token}` });
  const { data: other } = await request<{ id: string }>("POST", "/api/channel", ann, { name: "Other" });
  await request("POST", "/api/channel/join", bob, { channel_id: other.id });
  await waitUntil("it is received", async () => {
    client.socket.send(JSON.stringify({ channel: other.id, content: "in" }));
    await Bun.sleep(20);
    return findEchoes(client).some(({ channel }) => channel === other.id);
  });
  client.socket.close();
});

test("no token, no socket: a wrong one is refused, and a session that ends closes it", async () => {
  await expect(openMessages({ query: "?token=wrong" })).rejects.toThrow("refused");
  const wrong = await openMessages();
  wrong.socket.send("Authorization: Bearer wrong");
  await waitUntil("it was closed", () => wrong.closed !== null);
  expect(wrong.closed).toBe(4102);

  const { data: phone } = await request<Account>("POST", "/api/login", null, {
    email: "bob@example.org",
    password: account("bob").password,
  });
  const client = await openMessages({ query: `?token=${phone.token}` });
  await fetch(`${app.url}/api/v1/auth/logout`, { method: "POST", headers: { authorization: `Bearer ${phone.token}` } });
  await waitUntil("it was closed", () => client.closed !== null);
  expect(client.closed).toBe(4102);
});

test("/v1/ws, /v1/health and /v1/swagger lead where they did", async () => {
  for (const path of ["/v1/ws", "/v1/ws/"]) {
    const socket = new WebSocket(`${app.socketUrl.replace(/\/ws$/, path)}?token=${ann.token}`);
    const first = await new Promise<string>((resolve) => {
      socket.onmessage = ({ data }) => resolve(String(data));
    });
    expect(JSON.parse(first)).toMatchObject({ type: "system:connected", payload: { user_id: ann.id } });
    socket.close();
  }
  const health = await fetch(`${app.url}/v1/health`);
  expect([health.status, await health.text()]).toEqual([200, await (await fetch(`${app.url}/health`)).text()]);
  const docs = await fetch(`${app.url}/v1/swagger/index.html`, { redirect: "manual" });
  expect([docs.status, docs.headers.get("location")]).toEqual([302, "/api/docs"]);
});

test("with DIALECTS=off there is none of it", async () => {
  const plain = await startTestApp({ DIALECTS: "off" });
  try {
    const upgrade = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    };
    for (const [path, init] of [
      ["/api/login", { method: "POST", body: "{}" }],
      ["/api/channel", {}],
      ["/v1/health", {}],
      ["/v1/ws", { headers: upgrade }],
      ["/api/message/ws", { headers: upgrade }],
    ] as [string, RequestInit][]) {
      expect([path, (await fetch(plain.url + path, init)).status]).toEqual([path, 404]);
    }
  } finally {
    await plain.close();
  }
});

test("/api/message/ws: a client without a token may send few frames, and try one token at a time", async () => {
  const silent = await openMessages();
  for (let n = 0; n < 20; n++) silent.socket.send("{}");
  await waitUntil("it is closed", () => silent.closed !== null);
  expect(silent.closed).toBe(4009);
  expect(silent.texts.length).toBeLessThanOrEqual(10);
  const guessing = await openMessages();
  for (let n = 0; n < 50; n++) guessing.socket.send(`Bearer wrong${n}`);
  await waitUntil("it is closed", () => guessing.closed !== null);
  expect(guessing.texts).toHaveLength(1);
  const early = await openMessages();
  early.socket.send(`Bearer ${ann.token}`);
  early.socket.send(JSON.stringify({ channel: channel.id, content: "sent at once" }));
  await waitUntil("it is sent", () => early.texts.some((text) => text.includes("sent at once")));
  early.socket.close();
});
