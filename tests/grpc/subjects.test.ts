import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { SignJWT } from "jose";
import { FRAMES } from "../../protocol/frames.ts";
import { formatNameList } from "../../protocol/rooms.ts";
import { TEST_ISSUER, TEST_SECRET } from "../support/app.ts";
import { openSse } from "../support/sse-client.ts";
import { openClient } from "../support/ws-client.ts";
import { type GrpcNode, startGrpcNode, TOKEN } from "./node.ts";

setDefaultTimeout(60_000);

/** Subjects as issuers write them, and the worst of what RFC 7519 lets them write in visible ASCII. */
const SUBJECTS: (string | number)[] = [
  "auth0|5f7c8ec7c33c6c004bbafe82",
  "google-oauth2|103547991597142817347",
  "ann@example.org",
  "https://idp.example/people/ann?tenant=1#me",
  42,
  "CN=Ann,OU=People",
  "a%2Cb",
  'quo"ted\\',
  "*",
  "~".repeat(255),
];

let node: GrpcNode;
let owner: string;
beforeAll(async () => {
  node = await startGrpcNode();
  const account = { email: "owner@example.org", username: "founder", password: "a long password" };
  owner = (await request("POST", "/auth/register", "", account)).body.access_token;
});
afterAll(() => node.close());

function mint(claims: object): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(TEST_ISSUER)
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(TEST_SECRET));
}

async function request(method: string, path: string, token: string, body?: object) {
  const response = await fetch(`${node.url}/api/v1${path}`, {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

for (const subject of SUBJECTS) {
  const id = String(subject);
  test(`a person whose issuer writes ${id.slice(0, 50)} is that id at every edge`, async () => {
    const token = await mint({ sub: subject });
    const other = await mint({ sub: `${id.slice(0, 240)},other` });
    const me = (await request("GET", "/users/me", token)).body;
    expect(me.id).toBe(id);
    const otherId = (await request("GET", "/users/me", other)).body.id;

    const path = encodeURIComponent(id);
    expect((await request("GET", `/users/${path}`, other)).body.id).toBe(id);
    const list = encodeURIComponent(formatNameList([id, otherId]));
    const listed = (await request("GET", `/users?ids=${list}`, token)).body.data.map((one: { id: string }) => one.id);
    expect(listed.sort()).toEqual([id, otherId].sort());

    const direct = await request("POST", "/channels", other, { type: "direct", member_ids: [id] });
    expect(direct.body.peer.id).toBe(id);
    const again = await request("POST", "/channels", token, { type: "direct", member_ids: [otherId] });
    expect(again).toMatchObject({ status: 200, body: { id: direct.body.id } });

    const said = await request("POST", `/channels/${direct.body.id}/messages`, token, { content: "hello" });
    await request("DELETE", `/messages/${said.body.id}`, token);
    const log = (await request("GET", `/rooms/channel:${direct.body.id}/history?after=0`, TOKEN)).body.data;
    const deleted = log.find(({ type }: { type: string }) => type === "message:deleted");
    expect(FRAMES["message:deleted"].parse(deleted.payload).author_id).toBe(id);

    const rooms = encodeURIComponent(formatNameList([`user:${id}`, `user:${otherId}`]));
    const titles = (await request("GET", `/admin/room-names?rooms=${rooms}`, owner)).body.data;
    expect(titles.map(({ room }: { room: string }) => room).sort()).toEqual([`user:${id}`, `user:${otherId}`].sort());

    const ws = await openClient(node.httpPort, { query: `?token=${token}` });
    expect((await ws.next("system:connected")).payload.user_id).toBe(id);
    const room = `user:${id}`;
    const named = encodeURIComponent(formatNameList([room]));
    const sse = await openSse(`${node.url}/api/v1/stream?rooms=${named},event:1&token=${token}`);
    expect((await sse.first("system:resumed")).payload.rooms).toMatchObject({ [room]: {} });
    await node.request("realtime.RealtimeService/SendToUser", { user_id: id, event_type: "a:grpc", payload: "{}" });
    expect(
      (await request("POST", `/users/${path}/notices`, TOKEN, { event_type: "a:rest", payload: { n: 1 } })).status,
    ).toBe(200);
    for (const type of ["a:grpc", "a:rest"]) {
      const frame = await ws.next(type);
      expect(frame.room).toBe(room);
    }
    const history = await request("GET", `/rooms/${encodeURIComponent(room)}/history?after=0`, TOKEN);
    expect(history.body.data.map(({ type }: { type: string }) => type)).toContain("a:rest");
    const resumed = await ws.request("system:resume", { rooms: { [room]: { seq: 0, epoch: history.body.epoch } } });
    expect(resumed.payload.rooms).toMatchObject({ [room]: { recovered: true } });
    expect((await ws.next("a:grpc")).room).toBe(room);
    sse.close();
    ws.close();
  });
}

test("tokens of the first clients name the person by UserID, Username and Email", async () => {
  const token = await mint({ UserID: "old|7", Username: "veteran", Email: "Vet@example.org" });
  expect((await request("GET", "/users/me", token)).body).toMatchObject({
    id: "old|7",
    username: "veteran",
    email: "vet@example.org",
  });
});

test("a subject that cannot be an id is refused at every edge", async () => {
  for (const sub of ["", "a b", "é", "\u0007", "x".repeat(256)]) {
    expect((await request("GET", "/users/me", await mint({ sub }))).status).toBe(401);
    expect((await request("GET", `/users/${encodeURIComponent(sub || " ")}`, TOKEN)).status).not.toBe(200);
  }
});

test("a subject that no path can name is refused, since no one could ban or remove its person", async () => {
  const channelOwner = await mint({ sub: "owner-of-channel" });
  const { id } = (await request("POST", "/channels", channelOwner, { type: "public", name: "Paths" })).body;
  for (const sub of [".", "..", "me"]) {
    const token = await mint({ sub });
    expect((await request("GET", "/users/me", token)).status).toBe(401);
    expect((await request("PUT", `/channels/${id}/members/me`, token)).status).toBe(401);
  }
  for (const sub of ["...", "%2e", "Me"]) {
    const token = await mint({ sub });
    expect((await request("PUT", `/channels/${id}/members/me`, token)).status).toBe(201);
    expect((await request("DELETE", `/channels/${id}/members/${encodeURIComponent(sub)}`, channelOwner)).status).toBe(
      204,
    );
  }
});
