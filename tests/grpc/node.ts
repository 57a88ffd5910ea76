import { type CallOptions, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { Logger } from "../../src/platform/logger.ts";
import { getService, loadDefinition } from "../../src/transport/grpc/definition.ts";
import { startTestApp } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { openClient } from "../support/ws-client.ts";

/** GRPC_TOKEN of the servers here. */
export const TOKEN = "a-token-of-the-tests";

export type GrpcNode = Awaited<ReturnType<typeof startGrpcNode>>;

export interface RequestOptions {
  /** Null: none is sent. */
  token?: string | null;
  /** Further metadata. */
  metadata?: Record<string, string>;
  /** ms. */
  within?: number;
  /** Over a separate connection. */
  apart?: boolean;
}

/** The whole of Usher with gRPC on a port of this machine, and a client of it. */
export async function startGrpcNode(env: Record<string, string> = {}, logger?: Logger) {
  const port = await freePort();
  const app = await startTestApp(
    { GRPC_HOST: "127.0.0.1", GRPC_PORT: String(port), GRPC_TOKEN: TOKEN, ...env },
    logger,
  );
  const address = `127.0.0.1:${port}`;
  // Each with its own connection, as programs on different machines have.
  const connect = () => new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  const client = connect();
  const others: Client[] = [];
  const definition = loadDefinition();

  const findMethod = (path: string) => {
    const [service = "", name = ""] = path.split("/");
    return getService(definition, service)[name]!;
  };

  return {
    ...app,
    port,
    address,
    httpPort: Number(new URL(app.url).port),
    client,
    findMethod,
    /** Calls `realtime.RealtimeService/SendToUser` or another one; rejects with the ServiceError. */
    // biome-ignore lint/suspicious/noExplicitAny: responses of every shape
    request(path: string, request: object, options: RequestOptions = {}): Promise<any> {
      const { path: methodPath, requestSerialize, responseDeserialize } = findMethod(path);
      const [metadata, more] = createCall(options);
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          methodPath,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          more,
          (error, result) => (error ? reject(error) : resolve(result)),
        );
      });
    },
    /** The same for a stream; `received` and `error` fill as it runs. */
    stream(path: string, request: object, options: RequestOptions = {}) {
      const { path: methodPath, requestSerialize, responseDeserialize } = findMethod(path);
      const [metadata, more] = createCall(options);
      const caller = options.apart ? connect() : client;
      if (options.apart) others.push(caller);
      const call = caller.makeServerStreamRequest(
        methodPath,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        more,
      );
      // biome-ignore lint/suspicious/noExplicitAny: frames of every shape
      const state = { call, received: [] as any[], error: null as ServiceError | null, ended: false };
      call.on("data", (frame) => state.received.push(frame));
      call.on("error", (error: ServiceError) => {
        state.error = error;
      });
      call.on("end", () => {
        state.ended = true;
      });
      return state;
    },
    /** An account with a session, and a socket of it: its own room comes by itself. */
    async person(name: string) {
      const session = await fetch(`${app.url}/api/v1/auth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email: `${name}@example.org`, username: name, password: "correct horse" }),
      });
      const { access_token: token, user } = (await session.json()) as { access_token: string; user: { id: string } };
      return {
        id: user.id,
        token,
        connect: () => openClient(Number(new URL(app.url).port), { query: `?token=${token}` }),
      };
    },
    async close() {
      for (const one of [client, ...others]) one.close();
      await app.close();
    },
  };
}

function createCall({ token = TOKEN, metadata = {}, within = 20_000 }: RequestOptions): [Metadata, CallOptions] {
  const sent = new Metadata();
  if (token !== null) sent.set("authorization", `Bearer ${token}`);
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  return [sent, { deadline: Date.now() + within }];
}

/** The error that a call ends with. */
export async function refusal(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error("the call succeeded");
}
