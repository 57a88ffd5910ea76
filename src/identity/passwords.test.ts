import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { errorCode } from "../../tests/support/error-code.ts";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import { raceOnLockedRow } from "../../tests/support/race-on-locked-row.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

const request = (node: IdentityNode, email: string) => node.call("POST", "/auth/password-reset-requests", { email });
const reset = (node: IdentityNode, token: string, password = "better horse") =>
  node.call("POST", "/auth/password-resets", { token, password });

describe("with a mail server", () => {
  const mails: { from: string; to: string[]; text: string }[] = [];
  let refuse = false;
  let smtp: SMTPServer;
  let node: IdentityNode;
  beforeAll(async () => {
    smtp = new SMTPServer({
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        username === "us@er" && password === "pass/word" ? done(null, { user: 1 }) : done(new Error("who are you")),
      onRcptTo: ({ address }, _session, done) =>
        refuse ? done(new Error(`mailbox of ${address} unavailable`)) : done(),
      disabledCommands: ["STARTTLS"],
      onData(stream, session, done) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const { mailFrom, rcptTo } = session.envelope;
          const text = Buffer.concat(chunks).toString().replaceAll("=\r\n", "").replaceAll("=3D", "=");
          mails.push({
            from: mailFrom === false ? "" : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            text,
          });
          done();
        });
      },
    });
    await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
    const { port } = smtp.server.address() as AddressInfo;
    node = await startIdentityNode({
      PUBLIC_URL: "https://chat.example.org",
      SMTP_URL: `smtp://us%40er:pass%2Fword@127.0.0.1:${port}`,
    });
  });
  afterAll(async () => {
    await node.close();
    await new Promise<void>((resolve) => smtp.close(resolve));
  });
  afterEach(() => {
    mails.length = 0;
    refuse = false;
    node.closed.length = 0;
  });

  const linkIn = (text: string) => /https:\/\/chat\.example\.org\/reset\/([\w-]{43})/.exec(text)?.[1] ?? "";

  test("the link of a mail sets the password once; all sessions end, and the old password with them", async () => {
    const person = await node.register("ann");
    expect((await request(node, "Ann@Example.org")).status).toBe(202);
    const mail = await waitUntil("a mail came", () => mails[0]);
    expect([mail.from, mail.to]).toEqual(["usher@chat.example.org", ["ann@example.org"]]);
    const token = linkIn(mail.text);
    expect((await node.login("ann")).headers.get("set-cookie")).toEndWith("; Secure");
    const [row] = await node.sql`SELECT hash, shown_token FROM password_resets`;
    expect(row!.shown_token).toBeNull();
    expect(row!.hash).not.toBe(token);

    const racing = await Promise.all(Array.from({ length: 5 }, () => reset(node, token)));
    expect(racing.map(({ status }) => status).sort()).toEqual([204, 410, 410, 410, 410]);
    expect(node.closed.map(({ reason }) => reason)).toEqual(["signed_out", "signed_out"]);
    expect(await errorCode(node.identity.authenticate(person.token, "api"))).toBe("unauthenticated");
    expect((await node.login("ann")).body.code).toBe("invalid_credentials");
    expect((await node.login("ann", "better horse")).status).toBe(200);
    expect((await reset(node, token)).body.code).toBe("token_expired");
    expect(node.lines.join("")).not.toContain(token);
  });

  test("an unknown address gets the same response, and no mail", async () => {
    await node.register("bob");
    const unknown = await request(node, "stranger@example.org");
    const known = await request(node, "bob@example.org");
    expect([unknown.status, unknown.body]).toEqual([known.status, known.body]);
    await waitUntil("a mail came", () => mails[0]);
    expect(mails.map(({ to }) => to)).toEqual([["bob@example.org"]]);
  });

  test("a person of another issuer gets no link: there is no password here to set", async () => {
    await node.sql`
      INSERT INTO users (id, issuer, username, username_key, email) VALUES ('far', 'x', 'far', 'far', 'far@example.org')`;
    await request(node, "far@example.org");
    await node.register("near");
    await request(node, "near@example.org");
    await waitUntil("a mail came", () => mails[0]);
    expect(mails.map(({ to }) => to)).toEqual([["near@example.org"]]);
  });

  test("only the last link works, and not after its hour", async () => {
    await node.register("cid");
    await request(node, "cid@example.org");
    const first = linkIn((await waitUntil("a mail came", () => mails[0])).text);
    await request(node, "cid@example.org");
    const second = linkIn((await waitUntil("another mail came", () => mails[1])).text);
    expect((await reset(node, first)).body.code).toBe("token_expired");
    await node.sql`UPDATE password_resets SET expires_at = now() - interval '1 second'`;
    expect((await reset(node, second)).body.code).toBe("token_expired");
    await node.identity.sweep();
    expect(await node.sql`SELECT FROM password_resets`).toHaveLength(0);
  });

  test("one person gets at most three mails an hour, however many are requested", async () => {
    await node.register("dora");
    for (let n = 0; n < 8; n++) {
      const response = await node.call(
        "POST",
        "/auth/password-reset-requests",
        { email: "dora@example.org" },
        {
          address: `192.0.2.${n + 10}`,
        },
      );
      expect(response.status).toBe(202);
      await waitUntil("the mails came", () => mails.length >= Math.min(n + 1, 3));
    }
    const countLogs = () => node.lines.filter((line) => line.includes("too many password reset links")).length;
    await waitUntil("all are logged", () => countLogs() === 5);
    expect(mails).toHaveLength(3);
  });

  test("a mail server that refuses is logged, without the address and the link", async () => {
    refuse = true;
    await node.register("eve");
    expect((await request(node, "eve@example.org")).status).toBe(202);
    const line = await waitUntil("it is logged", () =>
      node.lines.find((text) => text.includes("could not be made or sent")),
    );
    expect(line).toContain("EENVELOPE, 550");
    expect(line).not.toContain("eve@example.org");
    expect(line).not.toContain("/reset/");
  });
});

describe("without a mail server", () => {
  let node: IdentityNode;
  beforeAll(async () => {
    node = await startIdentityNode();
  });
  afterAll(() => node.close());

  test("the link is shown on the owner's page, and to no one else, until it was used", async () => {
    const owner = await node.register("owner");
    const ann = await node.register("ann");
    await node.sql`UPDATE users SET role = 'admin' WHERE id = ${(await node.register("adam")).id}`;
    const admin = (await node.login("adam")).body.access_token;
    await request(node, "ann@example.org");
    const list = async (token: string) => node.call("GET", "/admin/password-reset-links", undefined, { token });
    const [link] = await waitUntil("the link is there", async () => {
      const { data } = (await list(owner.token)).body;
      return data.length > 0 ? data : undefined;
    });
    expect(link).toMatchObject({ user_id: ann.id, username: "ann" });
    expect(link.url).toMatch(/^http:\/\/localhost:3003\/reset\/[\w-]{43}$/);
    for (const token of [ann.token, admin]) expect((await list(token)).body.code).toBe("forbidden");
    expect((await node.call("GET", "/admin/password-reset-links")).body.code).toBe("unauthenticated");
    expect((await reset(node, link.url.split("/").at(-1))).status).toBe(204);
    expect((await list(owner.token)).body.data).toEqual([]);
    expect((await node.login("ann", "better horse")).status).toBe(200);
  });

  test("requests from one address are limited", async () => {
    const responses = await Promise.all(Array.from({ length: 25 }, (_, n) => request(node, `n${n}@example.org`)));
    const refused = responses.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(5);
    expect(refused[0]!.body.code).toBe("rate_limited");
  });

  test("a changed password ends all other sessions, and a waiting reset link", async () => {
    const person = await node.register("bob");
    const other = await node.login("bob");
    await node.call("POST", "/auth/password-reset-requests", { email: "bob@example.org" }, { address: "192.0.2.99" });
    const [row] = await waitUntil("the link is there", async () => {
      const rows = await node.sql`SELECT shown_token FROM password_resets WHERE user_id = ${person.id}`;
      return rows.length > 0 ? rows : undefined;
    });
    node.closed.length = 0;
    const change = (current_password: string) =>
      node.call(
        "PUT",
        "/users/me/password",
        { current_password, new_password: "better horse" },
        { token: person.token },
      );
    expect((await change("wrong horse")).body.code).toBe("invalid_credentials");
    expect(node.closed).toEqual([]);
    expect((await change("correct horse")).status).toBe(204);
    expect(node.closed).toHaveLength(1);
    expect(await errorCode(node.identity.authenticate(other.body.access_token, "api"))).toBe("unauthenticated");
    expect(await errorCode(node.identity.authenticate(person.token, "api"))).toBe("ok");
    expect((await reset(node, row!.shown_token)).body.code).toBe("token_expired");
    expect((await node.login("bob")).body.code).toBe("invalid_credentials");
    expect((await node.login("bob", "better horse")).status).toBe(200);
  });

  test("a sign-in with the old password in progress during its change is refused", async () => {
    const { id } = await node.register("racer");
    const [login] = await raceOnLockedRow(
      node.sql,
      { table: "users", id: id },
      () => [node.login("racer")],
      async (tx) => tx`UPDATE users SET password_hash = 'changed' WHERE id = ${id}`,
    );
    expect(login!.body.code).toBe("invalid_credentials");
  });

  test("a change of the password in progress during another change is refused", async () => {
    const { id, token } = await node.register("changer");
    const change = { current_password: "correct horse", new_password: "better horse" };
    const [response] = await raceOnLockedRow(
      node.sql,
      { table: "users", id: id },
      () => [node.call("PUT", "/users/me/password", change, { token })],
      async (tx) => tx`UPDATE users SET password_hash = 'changed' WHERE id = ${id}`,
    );
    expect(response!.body.code).toBe("invalid_credentials");
  });
});
