import { expect, test } from "bun:test";
import fc from "fast-check";
import { SignJWT } from "jose";
import { ALL_SCOPES } from "../../src/platform/scopes.ts";
import { startTestApp, TEST_ISSUER, TEST_SECRET } from "../support/app.ts";
import { exampleServer } from "../support/example-server.ts";
import { chooseSeed } from "../support/seeded.ts";
import { type FuzzRequest, requests } from "./arbitrary.ts";
import { type ApiDocument, mismatches, readDocument, readText } from "./documented.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 1_500);

/** Sends what fast-check generates; throws at the first response that is a server error or is not documented. */
async function fuzz(url: string, tokens: Record<FuzzRequest["who"], string | null>, ids: string[], seed: number) {
  const document = await readDocument(url);
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(requests(document, ids), async (request) => {
      const { status, wrong } = await send(url, document, request, tokens[request.who]);
      seen.set(`${status}`, (seen.get(`${status}`) ?? 0) + 1);
      if (status >= 500) throw new Error(`status ${status}`);
      expect(wrong).toEqual([]);
    }),
    { seed, numRuns: RUNS, endOnFailure: true },
  );
  return seen;
}

async function send(url: string, document: ApiDocument, request: FuzzRequest, token: string | null) {
  const { params, query, body, headers } = request;
  const [method = "", template = ""] = request.operation.split(" ");
  const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? ""));
  // `/users/{user_id}` with `me` is the path of another operation.
  const operation = [path, template].flatMap(
    (one) => document.operations.find((o) => o.method === method && o.path === one) ?? [],
  )[0];
  if (operation === undefined) throw new Error(`${request.operation} is not documented`);
  const search = new URLSearchParams(query.map(([name, value]) => [name, value.toWellFormed()])).toString();
  const response = await fetch(`${url}${path}${search === "" ? "" : `?${search}`}`, {
    method: method.toUpperCase(),
    headers: {
      ...headers,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body?.type == null ? {} : { "content-type": body.type }),
    },
    body: body?.text,
    redirect: "manual",
  });
  return { status: response.status, wrong: mismatches(document, operation, response, await readText(response)) };
}

test("no request gets a 500 or a response that is not documented", async () => {
  const app = await startTestApp();
  try {
    const person = { username: "olga", email: "olga@example.org", password: "correct horse battery" };
    const post = (path: string, token: string | null, body: object) =>
      fetch(`${app.url}/api/v1${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
      }).then((response) => response.json() as Promise<{ id: string; access_token: string; token: string }>);
    const { access_token: owner } = await post("/auth/register", null, person);
    // A person of another issuer has no session that a request could end.
    const member = await new SignJWT({})
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer(TEST_ISSUER)
      .setSubject("fuzz")
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(TEST_SECRET));
    // Its id is not among those that requests name, so that none of them revokes it.
    const { token: service } = await post("/service-tokens", owner, { name: "fuzz", scopes: ALL_SCOPES, rooms: ["*"] });
    const mine = await post("/channels", member, { type: "public", name: "Fuzz" });
    const theirs = await post("/channels", owner, { type: "private", name: "Secret" });
    const messages = await Promise.all([
      post(`/channels/${mine.id}/messages`, member, { content: "a", client_id: "a" }),
      post(`/channels/${theirs.id}/messages`, owner, { content: "b", client_id: "b" }),
    ]);
    const ids = [mine.id, theirs.id, ...messages.map(({ id }) => id), "me"];
    const seen = await fuzz(app.url, { owner, member, service, anonymous: null }, ids, chooseSeed("fuzz"));
    // The requests were not all stopped at the entry.
    expect(["200", "201", "204", "401", "403", "404", "422"].filter((status) => !seen.has(status))).toEqual([]);
  } finally {
    await app.close();
  }
}, 300_000);

test("the check itself finds a route that fails", async () => {
  const server = await exampleServer({
    limits: { address: { points: 1e6, seconds: 60 }, caller: { points: 1e6, seconds: 60 } },
  });
  server.state.gate.resolve();
  try {
    await expect(
      fuzz(server.url, { owner: "root", member: "ann", service: "bob", anonymous: null }, [], 1),
    ).rejects.toMatchObject({
      cause: { message: "status 500" },
    });
  } finally {
    await server.close();
  }
}, 60_000);
