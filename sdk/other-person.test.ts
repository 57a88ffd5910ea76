import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestApp, type TestApp } from "../tests/support/app.ts";
import { waitUntil } from "../tests/support/wait-until.ts";
import { type Client, type ClientOptions, createClient } from "./client.ts";
import { systemEnvironment } from "./environment.ts";
import { createRest } from "./rest.ts";

let app: TestApp;
const clients: Client[] = [];

beforeAll(async () => {
  app = await startTestApp();
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await app.close();
});

/** The state of a browser: one session cookie for all tabs, and the storage of a tab. */
class Browser {
  cookie = "";
  readonly stored = new Map<string, string>();
  readonly #sockets: { terminate(): void }[] = [];

  readonly #fetch = ((input: string, init?: RequestInit) =>
    fetch(input, { ...init, headers: { ...init?.headers, cookie: this.cookie, origin: app.url } })) as typeof fetch;

  /** Registers a new person here, in place of the person who is signed in. */
  async register(username: string): Promise<string> {
    const body = { email: `${username}@example.org`, username, password: "correct horse" };
    const rest = createRest({
      url: app.url,
      fetch: this.#fetch,
      onResponse: (response) => this.#take(response),
    });
    return (await rest.auth.register(body)).user.id;
  }

  #take(response: Response): void {
    const [cookie] = response.headers.getSetCookie();
    if (cookie !== undefined) this.cookie = cookie.split(";")[0]!;
  }

  tab(options: ClientOptions = {}): Client {
    const openSocket = (url: string) => {
      const socket = new WebSocket(url, { headers: { cookie: this.cookie } } as never);
      this.#sockets.push(socket as unknown as { terminate(): void });
      return socket as never;
    };
    const storage = {
      getItem: (key: string) => this.stored.get(key) ?? null,
      setItem: (key: string, text: string) => void this.stored.set(key, text),
      removeItem: (key: string) => void this.stored.delete(key),
    };
    const environment = { ...systemEnvironment(), openSocket };
    const client = createClient({ url: app.url, fetch: this.#fetch, storage, environment, ...options });
    clients.push(client);
    client.connect();
    return client;
  }

  cut(): void {
    for (const socket of this.#sockets.splice(0)) socket.terminate();
  }
}

const isLive = (client: Client) => waitUntil("the client is live", () => client.state === "live");
const isRefused = (client: Client) => waitUntil("the client is refused", () => client.state === "refused");

for (const named of [true, false]) {
  const how = named ? "that the page names" : "of the first connection";
  test(`CN-10 messages of the person ${how} are never sent as another person who signs in on top, and wait for them`, async () => {
    const browser = new Browser();
    const ann = await browser.register(`ann${named}`);
    const annsCookie = browser.cookie;
    const tab = browser.tab(named ? { userId: ann } : {});
    await isLive(tab);
    const { id } = await tab.rest.channels.create({ type: "public", name: `ann ${named}` });

    // Another browser, so that this session does not end: the client just reconnects with another cookie.
    const other = new Browser();
    const bob = await other.register(`bob${named}`);
    await other.tab({ userId: bob }).rest.members.add(id);
    browser.cookie = other.cookie;
    browser.cut();
    tab.outbox.add({ channel_id: id, content: "mine" });
    await isRefused(tab);
    expect(tab.refusal).toMatchObject({ code: null, isOtherPerson: true });
    expect(tab.userId).toBe(ann);
    expect(tab.outbox.items.map(({ content }) => content)).toEqual(["mine"]);

    const bobs = browser.tab(named ? { userId: bob } : {});
    await isLive(bobs);
    expect(bobs.outbox.items).toEqual([]);
    expect((await bobs.rest.messages.list(id)).data).toEqual([]);

    browser.cookie = annsCookie;
    const again = browser.tab(named ? { userId: ann } : {});
    await isLive(again);
    await waitUntil("it is sent", () => again.outbox.items.length === 0);
    const { data } = await again.rest.messages.list(id);
    expect(data.map(({ content, user_id }) => [content, user_id])).toEqual([["mine", ann]]);
    expect(browser.stored.size).toBe(0);
  });
}

test("CN-11 signing in over a live session ends it: its sockets close, and its tab does not continue as the new person", async () => {
  const browser = new Browser();
  const ann = await browser.register("ann");
  const [cookie, tab] = [browser.cookie, browser.tab({ userId: ann })];
  await isLive(tab);
  await browser.register("bob");
  await isRefused(tab);
  expect(tab.refusal?.code).toBe(4102);
  const me = await fetch(`${app.url}/api/v1/users/me`, { headers: { cookie } });
  expect(me.status).toBe(401);
  tab.connect();
  await isRefused(tab);
  expect(tab.refusal?.isOtherPerson).toBe(true);
});
