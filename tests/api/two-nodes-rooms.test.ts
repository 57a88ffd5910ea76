import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ServerApiApp, startServerApiApp } from "../support/server-api.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

setDefaultTimeout(60_000);

/** Two whole nodes on one database: a channel is deleted on one, and its members on the other are removed. */
for (const broker of ["memory", "postgres"]) {
  describe(`broker: ${broker}`, () => {
    let a: ServerApiApp;
    let b: ServerApiApp;
    beforeAll(async () => {
      a = await startServerApiApp({ BROKER: broker });
      b = await startServerApiApp({ BROKER: broker, DATABASE_URL: a.databaseUrl });
    });
    afterAll(async () => {
      await b.close();
      await a.close();
    });

    test("JN-8 a member on another node is removed when a channel is deleted: notified, not counted, and receives nothing more", async () => {
      const account = { username: "cat", email: "cat@example.org", password: "correct horse battery" };
      const { body: cat } = await a.request<Account>(null, "POST", "/api/v1/auth/register", account);
      const { body: channel } = await a.request<{ id: string }>(a.owner, "POST", "/api/v1/channels", {
        type: "private",
        name: "ends",
        member_ids: [cat.user.id],
      });
      const room = `channel:${channel.id}`;
      const services = await a.serviceToken(["broadcast", "presence"]);
      const present = async () =>
        (await b.request<{ count: number }>(services, "GET", `/api/v1/rooms/${room}/presence`)).body.count;
      const broadcast = (ephemeral: boolean) =>
        a.request<{ recipients: number }>(services, "POST", `/api/v1/rooms/${room}/broadcasts`, {
          event_type: "seat:sold",
          payload: {},
          ephemeral,
        });

      const onA = await openClient(a.wsPort, { query: `?token=${a.owner}` });
      const onB = await openClient(b.wsPort, { query: `?token=${cat.access_token}` });
      for (const client of [onA, onB]) await client.request("room:join", { room });
      await waitUntil("both are counted", async () => (await present()) === 2);
      expect((await a.request(a.owner, "DELETE", `/api/v1/channels/${channel.id}`)).status).toBe(204);
      for (const client of [onA, onB]) {
        expect((await client.next("room:left")).payload).toEqual({ room, code: "FORBIDDEN" });
        expect(client.frames.at(-2)).toMatchObject({ type: "channel:deleted", room });
      }
      for (const ephemeral of [false, true]) expect((await broadcast(ephemeral)).body.recipients).toBe(0);
      await waitUntil("no one is counted", async () => (await present()) === 0);
      expect((await onB.request("room:join", { room })).payload).toMatchObject({ code: "NOT_FOUND" });
      for (const client of [onA, onB]) {
        expect(client.frames.some(({ type }) => type === "seat:sold")).toBe(false);
        client.close();
      }
    });
  });
}

interface Account {
  access_token: string;
  user: { id: string };
}
