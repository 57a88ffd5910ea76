import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { z } from "zod";
import { page } from "../protocol/objects.ts";
import { AuditEntry } from "../src/admin/routes/audit-log.ts";
import { ConnectionInfo, Node, RoomInfo } from "../src/admin/routes/nodes.ts";
import { NamedRoom } from "../src/admin/routes/room-names.ts";
import { SettingList } from "../src/admin/routes/settings.ts";
import {
  Delivery,
  DeliveryWithLog,
  Endpoint,
  EndpointWithSecret,
  ParkedEntry,
  Replayed,
  RotatedSecret,
  TestSent,
} from "../src/bridges/webhooks/routes/schemas.ts";
import { Account } from "../src/identity/routes/accounts.ts";
import { IssuedServiceToken, ServiceToken } from "../src/server-api/routes/service-tokens.ts";
import { startTestApp, type TestApp } from "../tests/support/app.ts";
import { expectEmpty, expectSchema, listCallNames, recordCalls } from "../tests/support/rest-calls.ts";
import { waitUntil } from "../tests/support/wait-until.ts";
import { openClient, type WsClient } from "../tests/support/ws-client.ts";
import { createRest } from "./rest.ts";

setDefaultTimeout(60_000);

let app: TestApp;
let receiver: Bun.Server<undefined>;
let client: WsClient;

beforeAll(async () => {
  app = await startTestApp({ WEBHOOKS_ALLOW_PRIVATE: "true" });
  receiver = Bun.serve({ port: 0, fetch: () => new Response("thanks") });
  client = await openClient(Number(new URL(app.url).port));
}, 60_000);
afterAll(async () => {
  client.close();
  await receiver.stop(true);
  await app.close();
});

test("every call of an admin returns what its type says, and the type is the one of the server's schema", async () => {
  const tested = new Set<string>();
  const PASSWORD = "correct horse battery staple";
  const anonymous = createRest({ url: app.url });
  const account = (username: string) => ({ email: `${username}@example.org`, username, password: PASSWORD });
  const olga = await anonymous.auth.register(account("olga"));
  const bob = await anonymous.auth.register(account("bob"));
  const { admin } = recordCalls(createRest({ url: app.url, getToken: () => olga.access_token }), tested);

  // People
  const people = await expectSchema(page(Account), admin.users({ q: "bo", limit: 10 }));
  expect(people.data.map(({ username }) => username)).toEqual(["bob"]);
  expect((await expectSchema(Account, admin.updateUser(bob.user.id, { role: "admin" }))).role).toBe("admin");
  await expectEmpty(admin.endSessions(bob.user.id));

  // Service tokens; the server knows the names of scopes, the SDK passes on any
  const made = await admin.tokens.create({ name: "bookings", scopes: ["notify"], rooms: ["event:*"] });
  expect(IssuedServiceToken.parse(made) as unknown).toEqual(made);
  expect(
    ServiceToken.array()
      .parse((await admin.tokens.list()).data)
      .map(({ name }) => name),
  ).toEqual(["bookings"]);
  expect((await admin.tokens.rotate(made.id, 60)).token).not.toBe(made.token);
  await expectEmpty(admin.tokens.revoke(made.id));

  // Webhooks
  const url = `http://127.0.0.1:${receiver.port}/hook`;
  const hook = await expectSchema(EndpointWithSecret, admin.webhooks.create({ url, event_types: ["message:*"] }));
  expect((await expectSchema(z.object({ data: Endpoint.array() }), admin.webhooks.list())).data).toHaveLength(1);
  await expectSchema(Endpoint, admin.webhooks.get(hook.id));
  await expectSchema(Endpoint, admin.webhooks.update(hook.id, { description: "mine" }));
  await expectSchema(RotatedSecret, admin.webhooks.rotateSecret(hook.id, 60));
  const { delivery_id } = await expectSchema(TestSent, admin.webhooks.test(hook.id));
  await waitUntil("it is delivered", async () => (await admin.webhooks.delivery(delivery_id)).status === "delivered");
  expect((await expectSchema(DeliveryWithLog, admin.webhooks.delivery(delivery_id))).log).toHaveLength(1);
  await expectSchema(page(Delivery), admin.webhooks.deliveries(hook.id, { status: "delivered", limit: 5 }));
  await expectSchema(Delivery, admin.webhooks.redeliver(delivery_id));
  await expectSchema(Replayed, admin.webhooks.replay(hook.id, new Date(Date.now() - 60_000).toISOString()));
  await expectEmpty(admin.webhooks.remove(hook.id));
  await expectSchema(z.object({ data: ParkedEntry.array() }), admin.webhooks.parkedEntries());

  // Nodes, connections and rooms
  const { data } = await expectSchema(z.object({ data: Node.array() }), admin.nodes());
  expect(data).toHaveLength(1);
  const open = await expectSchema(
    page(ConnectionInfo).extend({ partial: z.boolean() }),
    admin.connections({ limit: 10 }),
  );
  await expectSchema(z.object({ data: RoomInfo.array(), partial: z.boolean() }), admin.rooms());
  await expectSchema(
    z.object({ data: NamedRoom.array() }),
    admin.roomNames(["event:1", `user:${open.data[0]!.user_id}`]),
  );
  await expectEmpty(admin.closeConnection(open.data[0]!.id));
  expect(await client.end()).toBe(4011);

  // Settings and the audit log
  await expectSchema(SettingList, admin.settings());
  const changed = await expectSchema(SettingList, admin.changeSettings({ REGISTRATION: "closed" }));
  expect(changed.data.find(({ name }) => name === "REGISTRATION")?.value).toBe("closed");
  const entries = await expectSchema(page(AuditEntry), admin.auditLog({ action: "setting:changed", limit: 10 }));
  expect(entries.data).toHaveLength(1);
  await expectEmpty(admin.drain(data[0]!.id, 1));

  const untried = listCallNames({ admin }).filter((name) => !tested.has(name));
  expect(untried).toEqual([]);
});
