import type { ServerWritableStream } from "@grpc/grpc-js";
import { CLOSE, type CloseReason, type Code } from "../../../protocol/codes.ts";
import type { SubscribeResponse } from "../../../protocol/proto/messages.ts";
import { addressKey } from "../../platform/address.ts";
import { coversRoom, type ServiceCaller } from "../../platform/caller.ts";
import { runWithContext } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { validationError } from "../../platform/http/validation-error.ts";
import type { ServerApi } from "../../server-api/index.ts";
import { extractPayload, type Sink, type StreamFrame, type StreamRequest, type Streams } from "../streams/index.ts";
import { type CallsDeps, toServiceError } from "./call.ts";
import { getHttp2Stream } from "./grpc-js-internals.ts";
import { ENHANCE_YOUR_CALM } from "./incomplete-requests.ts";
import { Subscription } from "./requests.ts";
import { statusName } from "./status.ts";

/** Subscribe calls at once on this node. */
const MAX_STREAMS = 2_000;

/** ms that a client has, once its stream ends, to fetch what is left; then it is reset. */
const GRACE_MS = 5_000;

type Call = ServerWritableStream<unknown, SubscribeResponse>;

export interface SubscribeDeps extends CallsDeps {
  streams: Streams;
  services: Pick<ServerApi, "callers">;
}

/** Subscribe: a service in rooms, as a client with a WebSocket is. */
export function createSubscribe(deps: SubscribeDeps) {
  const name = "Subscribe";
  /** Each with a function that ends it. */
  const open = new Map<Call, () => void>();

  async function start(call: Call): Promise<void> {
    const httpStream = getHttp2Stream(call);
    const { address } = deps.authenticator.getClient(call.getPeer(), call.metadata, call.getHost());
    const caller = await deps.authenticator.authenticateService(call.metadata, address, call.getHost());
    const rooms = parseRooms(call.request, caller);
    if (open.size >= MAX_STREAMS)
      throw new AppError("full", "This node has its maximum number of streams. Try another one.");
    await deps.streams.prepare(caller, addressKey(address));
    if (call.cancelled) return;
    if (!deps.services.callers.isCurrent(caller)) throw new AppError("unauthenticated");
    const leave = (reason: CloseReason | "cut") => {
      end(call, toCloseError(reason));
      // The status waits after the data that the client does not read, and that data stays in memory.
      const timer = setTimeout(() => httpStream.close(ENHANCE_YOUR_CALM), GRACE_MS);
      call.once("close", () => clearTimeout(timer));
    };
    const sink = createSink(call, () => stream.drained(), leave);
    const stream = deps.streams.open({ caller, address: addressKey(address), rooms, sink });
    sink.epoch = () => stream.epoch;
    open.set(call, () => {
      stream.closed();
      leave("draining");
    });
    call.once("close", () => open.delete(call));
    call.on("cancelled", () => {
      stream.closed();
      call.destroy();
    });
  }

  function end(call: Call, error: unknown): void {
    const refusal = toServiceError(deps, error, name);
    deps.onResponse(name, statusName(refusal.code), null);
    call.emit("error", refusal);
  }

  return {
    method(call: Call): void {
      call.on("error", () => {});
      void runWithContext({ request_id: crypto.randomUUID() }, () =>
        start(call).catch((error: unknown) => end(call, error)),
      );
    },
    /** Closes all streams: their clients resume on another node. */
    stop(): void {
      for (const leave of [...open.values()]) leave();
    },
  };
}

function parseRooms(request: unknown, { scopes, rooms: patterns }: ServiceCaller): StreamRequest["rooms"] {
  if (!scopes.includes("subscribe")) throw new AppError("forbidden", "This token has no scope `subscribe`.");
  const result = Subscription.safeParse(request);
  if (!result.success) throw validationError("json", result.error.issues);
  const { rooms } = result.data;
  const outside = rooms.find(({ room }) => !coversRoom(patterns, room));
  if (outside !== undefined) throw new AppError("forbidden", `This token is not for the room ${outside.room}.`);
  return rooms.map(({ room, seq, epoch }) => ({ room, since: seq === undefined ? null : { seq, epoch } }));
}

/** Frames as messages; counts the bytes that are not yet sent to the network. */
function createSink(call: Call, drained: () => void, ended: (reason: CloseReason | "cut") => void) {
  let unsent = 0;
  const sink: Sink & { epoch: () => string } = {
    epoch: () => "",
    write(frame) {
      if (call.cancelled) return;
      const bytes = frame.text.length;
      unsent += bytes;
      call.write(toMessage(frame, sink.epoch()), () => {
        unsent -= bytes;
        if (unsent === 0) drained();
      });
    },
    // The pings of HTTP/2 are the heartbeat.
    heartbeat: () => {},
    buffered: () => unsent,
    end: ended,
  };
  return sink;
}

/** The frames of a room are the same object for all streams, so each becomes a message once. */
const messages = new WeakMap<StreamFrame, SubscribeResponse>();

function toMessage(frame: StreamFrame, epoch: string): SubscribeResponse {
  const made = messages.get(frame);
  if (made !== undefined) return made;
  const payload = extractPayload(frame.text);
  const message = { type: frame.type, room: frame.room ?? "", seq: frame.seq ?? 0, payload, epoch };
  messages.set(frame, message);
  return message;
}

const CLOSE_CODES: Record<CloseReason | "cut", Code> = {
  draining: "unavailable",
  silent: "unavailable",
  removed: "unavailable",
  slow: "rate_limited",
  cut: "rate_limited",
  flood: "rate_limited",
  token_expired: "unauthenticated",
  signed_out: "unauthenticated",
  banned: "banned",
};

function toCloseError(reason: CloseReason | "cut"): AppError {
  const { reason: sentence } = CLOSE[reason === "cut" ? "slow" : reason];
  const again = `${sentence} Call Subscribe again with the last seq and epoch of each room.`;
  const code = CLOSE_CODES[reason] ?? "unavailable";
  return code === "unavailable" || code === "rate_limited"
    ? new AppError(code, again, { retry_after: 1 })
    : new AppError(code, sentence);
}
