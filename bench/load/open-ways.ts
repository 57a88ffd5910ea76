import { Client, credentials } from "@grpc/grpc-js";
import { type Hostile, hostileForms, hostileHeaders, hostileJson, hostileMessages } from "./hostile.ts";

/** A way in that needs no sign-in. */
export interface Way {
  name: string;
  bodies(): Hostile[];
  /** Resolves with the response's status when the server has finished it. */
  send(body: Hostile["body"]): Promise<string>;
}

/** Bodies that anyone may send have at most 16 KiB, others 1 MiB, forms 96 KiB, frames 64 KiB, messages of gRPC 192 KiB. */
const KIB = 1_024;
const sizes = (max: number) => [max, max + 1];

/** Every way by which a server reads what an unauthenticated client sends. */
export async function openWays(url: string, grpcPort: number): Promise<Way[]> {
  const rest = (await openOperations(url)).map(({ path, fields }) => jsonWay(url, path, fields));
  const printed = ["/register", "/login", "/api/register", "/api/login", "/api/channel", "/api/reply"].map((path) =>
    jsonWay(url, path, ["username", "email", "password", "content"]),
  );
  const known = jsonWay(url, "/api/v1/channels", ["name"]);
  const forms = ["/login", "/register", "/reset"].map((path) => formWay(url, path));
  return [
    ...rest,
    ...printed,
    known,
    ...forms,
    ...streamWays(url),
    ...["/ws", "/api/message/ws"].map((path) => socketWay(url, path)),
    ...grpcWays(grpcPort),
  ];
}

interface OpenApi {
  paths: Record<string, { post?: { security: unknown[]; requestBody?: { content: { [type: string]: JsonBody } } } }>;
}
interface JsonBody {
  schema: { properties?: Record<string, unknown> };
}

/** The operations of the API that need no sign-in and take a body, with its fields. */
async function openOperations(url: string): Promise<{ path: string; fields: string[] }[]> {
  const { paths } = (await (await fetch(`${url}/api/openapi.json`)).json()) as OpenApi;
  return Object.entries(paths).flatMap(([path, { post }]) =>
    post?.requestBody !== undefined && post.security.length === 0
      ? [{ path, fields: Object.keys(post.requestBody.content["application/json"]?.schema.properties ?? {}) }]
      : [],
  );
}

function jsonWay(url: string, path: string, fields: string[]): Way {
  const ofSize = (size: number, names = fields) =>
    hostileJson(size, names).map(({ what, body }) => ({ what: `${size} bytes: ${what}`, body }));
  return {
    name: `POST ${path}`,
    bodies: () => [...sizes(16 * KIB).flatMap((size) => ofSize(size)), ...ofSize(KIB * KIB + 1, fields.slice(0, 1))],
    send: (body) => post(url + path, "application/json", body),
  };
}

function formWay(url: string, path: string): Way {
  return {
    name: `form to ${path}`,
    bodies: () => sizes(96 * KIB).flatMap(hostileForms),
    send: (body) => post(url + path, "application/x-www-form-urlencoded", body),
  };
}

async function post(address: string, type: string, body: Hostile["body"]): Promise<string> {
  return getStatus(fetch(address, { method: "POST", headers: { "content-type": type }, body, redirect: "manual" }));
}

/** A body that is too large is refused before it has come: the connection may end while it is sent. */
async function getStatus(result: Promise<Response>): Promise<string> {
  try {
    const { status, body } = await result;
    await body?.cancel();
    return String(status);
  } catch {
    return "ended";
  }
}

/** The request line and headers, of which the runtime accepts 16 KiB. */
function streamWays(url: string): Way[] {
  const bodies = () => hostileHeaders(14 * KIB);
  const get = (path: string, headers: Record<string, string> = {}) => getStatus(fetch(url + path, { headers }));
  const stream = "/api/v1/stream";
  return [
    { name: `GET ${stream}?rooms`, bodies, send: (text) => get(`${stream}?rooms=${text}`) },
    { name: `GET ${stream}?token`, bodies, send: (text) => get(`${stream}?rooms=all&token=${text}`) },
    { name: "Last-Event-ID", bodies, send: (text) => get(`${stream}?rooms=all`, { "last-event-id": String(text) }) },
    { name: "Authorization", bodies, send: (text) => get("/api/v1/users/me", { authorization: `Bearer ${text}` }) },
    { name: "Cookie", bodies, send: (text) => get("/api/v1/users/me", { cookie: String(text) }) },
    { name: "GET /ws?token", bodies, send: (text) => get(`/ws?token=${text}`, UPGRADE) },
  ];
}

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Frames before a token: alone, and as the payload of each command that needs no sign-in. */
function socketWay(url: string, path: string): Way {
  const max = 64 * KIB;
  const within = (type: string, field: string) => {
    const [head, tail] = [`{"type":"${type}","id":1,"payload":`, "}"];
    return hostileJson(max - head.length - tail.length, [field]).flatMap(({ what, body }) =>
      typeof body === "string" ? [{ what: `${type}: ${what}`, body: head + body + tail }] : [],
    );
  };
  const rooms = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`event:${n}`, { seq: 0, epoch: "" }]));
  const bodies = () => [
    ...sizes(max).flatMap((size) => hostileJson(size, ["type"])),
    ...within("system:auth", "token"),
    ...within("system:resume", "rooms"),
    ...within("room:join", "room"),
    ...within("message:send", "content"),
    {
      what: "system:resume of 1,000 rooms",
      body: JSON.stringify({ type: "system:resume", id: 1, payload: { rooms } }),
    },
  ];
  return { name: `frame to ${path}`, bodies, send: (body) => sayOnce(url.replace("http", "ws") + path, body) };
}

/** Opens a socket, sends one frame and a ping, and waits for the pong or the socket's end: not every frame has a reply. */
function sayOnce(address: string, frame: Hostile["body"]): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(address);
    let result = "none";
    const done = () => {
      socket.close();
      resolve(result);
    };
    socket.onopen = () => {
      socket.send(frame);
      socket.send('{"type":"system:ping","id":"end"}');
    };
    socket.onmessage = ({ data }) => {
      const { type, id, status, payload } = JSON.parse(String(data));
      // The sockets of the first clients have no pings, and reply to each frame.
      if (id === "end" || status !== undefined) done();
      else if (type !== "system:connected") result = payload?.code ?? type;
    };
    socket.onclose = ({ code }) => {
      result = String(code);
      done();
    };
  });
}

function grpcWays(port: number): Way[] {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const send = (path: string) => (body: Hostile["body"]) =>
    new Promise<string>((resolve) => {
      const bytes = (message: Buffer) => message;
      client.makeUnaryRequest(path, bytes, bytes, Buffer.from(body), { deadline: Date.now() + 30_000 }, (error) =>
        resolve(String(error?.code ?? 0)),
      );
    });
  const service = "/realtime.v1.RealtimeService";
  const methods = ["NotifyBookingResult", "BroadcastEvent", "SendToUser", "GetConnectionStats", "Subscribe"];
  const paths = [
    ...methods.map((name) => `${service}/${name}`),
    "/auth.AuthService/SignUp",
    "/auth.AuthService/SignIn",
  ];
  return paths.map((path) => ({
    name: `gRPC ${path.split("/")[2]}`,
    bodies: () => sizes(192 * KIB).flatMap(hostileMessages),
    send: send(path),
  }));
}
