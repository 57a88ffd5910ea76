import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { getService, loadDefinition } from "../../src/transport/grpc/definition.ts";

/** A caller that repeats a request and records what went wrong. */
export interface LoadCaller {
  /** Responses so far. */
  successes: number;
  /** Each call without the expected response. */
  problems: string[];
  end(): Promise<void>;
}

/** Calls `ask` so often a second, whether or not the last call has returned. */
function callRepeatedly(perSecond: number, send: (n: number) => Promise<void>, close = () => {}): LoadCaller {
  const inFlight = new Set<Promise<void>>();
  const caller: LoadCaller = {
    successes: 0,
    problems: [],
    async end() {
      clearInterval(timer);
      await Promise.all(inFlight);
      close();
    },
  };
  let n = 0;
  const timer = setInterval(() => {
    const began = performance.now();
    const call = send(n++)
      .then(() => void caller.successes++)
      .catch((error: unknown) => {
        const { code = "", message } = error as { code?: string; message: string };
        caller.problems.push(`${code} ${message} after ${Math.round(performance.now() - began)} ms`);
      })
      .finally(() => inFlight.delete(call));
    inFlight.add(call);
  }, 1_000 / perSecond);
  return caller;
}

/** Reads and posts by HTTP, as browsers and back ends do: connections are reused. */
export async function callByHttp(origin: string, token: string, perSecond: number): Promise<LoadCaller> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const channels = `${origin}/api/v1/channels`;
  const call = async (path: string, method = "GET", body?: object): Promise<{ data: { id: string }[] }> => {
    const response = await fetch(channels + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return text === "" ? { data: [] } : JSON.parse(text);
  };
  const { id } = (await call("?scope=public")).data[0]!;
  await call(`/${id}/members/me`, "PUT", {});
  return callRepeatedly(perSecond, async (n) => {
    await (n % 5 === 0 ? call(`/${id}/messages`, "POST", { content: `by HTTP, ${n}` }) : call(`/${id}`));
  });
}

/** Calls by one gRPC channel. */
export function callByGrpc(address: string, token: string, perSecond: number): LoadCaller {
  const client = new Client(address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = getService(loadDefinition(), "realtime.RealtimeService")
    .NotifyBookingResult!;
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const call = (n: number) =>
    new Promise<void>((resolve, reject) => {
      const request = { user_id: "p0", booking_id: `b-${n}`, success: true, message: "It is yours." };
      const deadline = Date.now() + 15_000;
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline },
        (error: ServiceError | null) => (error ? reject(error) : resolve()),
      );
    });
  return callRepeatedly(perSecond, call, () => client.close());
}
