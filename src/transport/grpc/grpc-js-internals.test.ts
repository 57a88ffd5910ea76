import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { join } from "node:path";
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceError,
} from "@grpc/grpc-js";
import installed from "@grpc/grpc-js/package.json";
import { getService, loadDefinition } from "./definition.ts";
import { getHttp2Stream, onHttp2Server, sharePort, TESTED_VERSION } from "./grpc-js-internals.ts";

const FOLDER = import.meta.dirname;
const { Watch } = getService(loadDefinition(), "grpc.health.v1.Health");

const servers: Server[] = [];
let client: Client;
const httpServers: Http2Server[] = [];
const sessions: ServerHttp2Session[] = [];
const streams: ServerHttp2Stream[] = [];
const found = Promise.withResolvers<ServerHttp2Stream>();

/** A server whose one method never ends. */
function createServer(): Server {
  const server = new Server();
  server.addService(
    { watch: Watch! },
    {
      watch(call: ServerWritableStream<unknown, unknown>) {
        call.sendMetadata(new Metadata());
        try {
          found.resolve(getHttp2Stream(call));
        } catch (error) {
          found.reject(error);
        }
      },
    },
  );
  onHttp2Server(server, (httpServer) => {
    httpServers.push(httpServer);
    httpServer.on("session", (session) => {
      sessions.push(session);
      session.on("stream", (stream) => streams.push(stream));
    });
  });
  sharePort(server);
  servers.push(server);
  return server;
}

function bind(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
}

let port = 0;
beforeAll(async () => {
  port = await bind(createServer(), 0);
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
});
afterAll(() => {
  client.close();
  for (const server of servers) server.forceShutdown();
});

test("the installed @grpc/grpc-js is the one whose private parts were tested", () => {
  const { dependencies } = JSON.parse(readFileSync(join(FOLDER, "../../../package.json"), "utf8"));
  expect([installed.version, dependencies["@grpc/grpc-js"]]).toEqual([TESTED_VERSION, TESTED_VERSION]);
});

test("its HTTP/2 server, session and stream are those of a call, and the stream can be reset", async () => {
  const { path, requestSerialize, responseDeserialize } = Watch!;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, new Metadata());
  call.on("data", () => {});
  const ended = new Promise<ServiceError>((resolve) => call.on("error", resolve));
  const stream = await found.promise;
  expect([httpServers.length, sessions.length]).toEqual([1, 1]);
  expect(streams).toEqual([stream]);
  expect(stream.session).toBe(sessions[0]);
  const ENHANCE_YOUR_CALM = 11;
  stream.close(ENHANCE_YOUR_CALM);
  expect((await ended).details).toContain("RST_STREAM");
  expect(stream.rstCode).toBe(ENHANCE_YOUR_CALM);
});

test("two servers share a port", async () => {
  expect(await bind(createServer(), port)).toBe(port);
});

test("a library without the private parts is reported, not passed over", () => {
  const changed = Object.create(new Server(), { createHttp2Server: { value: undefined } }) as Server;
  for (const reach of [() => onHttp2Server(changed, () => {}), () => sharePort(changed)])
    expect(reach).toThrow("@grpc/grpc-js has changed: Server.createHttp2Server");
  for (const call of [{}, { call: {} }, { call: { stream: {} } }])
    expect(() => getHttp2Stream(call as never)).toThrow("@grpc/grpc-js has changed: the stream of a call");
});

const OWN = "grpc-js-internals.ts";

/** Casts by which a file can reach what types hide, and imports of the library's files. */
function findReaches(text: string): string[] {
  return text.match(/\bas (unknown|never|any)\b|"@grpc\/[\w-]+\/[^"]*"|\["[\w$]+"\]\(/g) ?? [];
}

test("no other file reaches into the library", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const read = (name: string) => findReaches(readFileSync(join(FOLDER, name), "utf8"));
  expect(files.filter((name) => read(name).length > 0)).toEqual([OWN]);
  const planted = ["(server as unknown as Internals).sessions", 'import "@grpc/grpc-js/build/src/server"'];
  expect(planted.map((text) => findReaches(text).length)).toEqual([1, 1]);
});
