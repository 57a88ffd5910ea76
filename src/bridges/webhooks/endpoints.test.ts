import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { AS_ADMIN, startWebhookNode, type WebhookNode } from "../../../tests/support/webhook-node.ts";
import { LIMITS } from "./limits.ts";
import { ChangedEndpoint, NewEndpoint } from "./routes/schemas.ts";

let database: TestDatabase;
let node: WebhookNode;
const names: Record<string, string> = { "inside.example": "10.1.2.3", "outside.example": "93.184.216.34" };

beforeAll(async () => {
  database = await testDatabase();
  node = await startWebhookNode(database.url, {
    allowPrivate: false,
    async resolve(host) {
      const address = names[host];
      if (address === undefined) throw new Error(`${host} is not known`);
      return [{ address, family: 4 }];
    },
  });
});
afterAll(async () => {
  await node.stop();
  await database.close();
});

test("an internal address is refused when an endpoint is created or changed; an unknown name is accepted", async () => {
  const inside = ["https://inside.example/", "https://127.0.0.1/", "https://[::1]:8443/", "http://outside.example/"];
  for (const url of inside) {
    const message = expect.stringContaining("WEBHOOKS_ALLOW_PRIVATE=true");
    await expect(node.endpoint({ url })).rejects.toMatchObject({ code: "url_not_public", message });
  }
  const { id } = await node.endpoint({ url: "https://outside.example/" });
  const change = node.webhooks.endpoints.change(AS_ADMIN, id, { url: "https://inside.example/" });
  await expect(change).rejects.toMatchObject({ code: "url_not_public" });
  expect((await node.webhooks.endpoints.get(id)).url).toBe("https://outside.example/");
  await node.endpoint({ url: "https://unknown.example/" });
});

test("a name that leads to an internal address later is refused at the attempt, and its log has the reason", async () => {
  names["later.example"] = "93.184.216.34";
  const { id } = await node.endpoint({ url: "https://later.example/" });
  names["later.example"] = "127.0.0.1";
  const delivery = await node.webhooks.endpoints.test(AS_ADMIN, id, "webhook:test");
  const { log } = await waitUntil("the attempt has ended", async () => {
    const found = await node.webhooks.deliveries.get(AS_ADMIN, delivery);
    return found.log.length > 0 ? found : null;
  });
  expect(log[0]!.error).toStartWith("later.example leads to 127.0.0.1, which is not a public address.");
  expect(log[0]!.error).toContain("WEBHOOKS_ALLOW_PRIVATE=true");
  const text = await node.registry.metrics();
  expect(text).toContain('usher_webhook_attempts_total{outcome="not_public"} 1');
});

test("there are at most fifty endpoints", async () => {
  const there = (await node.webhooks.endpoints.list()).length;
  for (let i = there; i < LIMITS.endpoints; i++) await node.endpoint({ url: "https://outside.example/" });
  await expect(node.endpoint({ url: "https://outside.example/" })).rejects.toMatchObject({ code: "full" });
});

test("actions on an endpoint are in the audit log, without its secret or its path", async () => {
  const [{ id }] = (await node.webhooks.endpoints.list()) as unknown as [{ id: string }];
  await node.webhooks.endpoints.change(AS_ADMIN, id, { disabled: true });
  await node.webhooks.endpoints.rotateSecret(AS_ADMIN, id, 0);
  await node.webhooks.endpoints.remove(AS_ADMIN, id);
  const acts =
    await node.sql`SELECT action, detail::text FROM audit WHERE subject = ${`webhook-endpoint:${id}`} ORDER BY id`;
  expect(acts.map(({ action }) => action)).toEqual([
    "webhook:made",
    "webhook:changed",
    "webhook:secret-rotated",
    "webhook:removed",
  ]);
  for (const { detail } of acts) expect(JSON.parse(detail)).toMatchObject({ host: "outside.example" });
  expect(JSON.stringify(acts)).not.toContain("whsec_");
});

test("only patterns are accepted", () => {
  const good = {
    url: "https://a.example/x",
    event_types: ["message:*", "*", "BOOKING.done"],
    rooms: ["channel:*", "all"],
  };
  expect(NewEndpoint.parse(good)).toEqual({ ...good, description: "", ordered: false });
  const bad = [
    ...["ftp://a.example/", "https://me:secret@a.example/", "a.example", `https://a.example/${"x".repeat(2_000)}`].map(
      (url) => ({ url }),
    ),
    ...[[], ["message:*:x"], ["a b"], Array(51).fill("*")].map((event_types) => ({ event_types })),
    ...[[], ["_sessions"], ["*x"]].map((rooms) => ({ rooms })),
    { description: "x".repeat(201) },
    { secret: "whsec_mine" },
  ];
  for (const one of bad) {
    expect([one, NewEndpoint.safeParse({ ...good, ...one }).success]).toEqual([one, false]);
    expect([one, ChangedEndpoint.safeParse(one).success]).toEqual([one, false]);
  }
});

test("an endpoint is shown as it is: nothing in its description or URL changes the text direction", () => {
  const endpoint = { url: "https://hooks.example/in", event_types: ["*"] };
  expect(NewEndpoint.parse({ ...endpoint, description: " \u3164 the till \n" }).description).toBe("the till");
  expect(NewEndpoint.parse({ ...endpoint, description: "" }).description).toBe("");
  for (const sign of ["\u202e", "\u2066", "\u061c", "\u2028", "\n", "\u0007"]) {
    expect(NewEndpoint.safeParse({ ...endpoint, description: `a${sign}b` }).success).toBe(false);
    expect(ChangedEndpoint.safeParse({ description: `a${sign}b` }).success).toBe(false);
    if (sign !== "\n") expect(ChangedEndpoint.safeParse({ url: `${endpoint.url}?a${sign}b` }).success).toBe(false);
  }
});
