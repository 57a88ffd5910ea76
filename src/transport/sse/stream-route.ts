import type { Context } from "hono";
import { z } from "zod";
import { normalizeRoom, parseNameList } from "../../../protocol/rooms.ts";
import { addressKey } from "../../platform/address.ts";
import type { Caller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import type { Api, ApiEnv } from "../../platform/http/api.ts";
import { problemResponse } from "../../platform/http/problem.ts";
import { route } from "../../platform/http/route.ts";
import type { Stream, StreamRequest, Streams } from "../streams/index.ts";
import { type CredentialRules, readCredentials } from "../websocket/credentials.ts";
import { parseId } from "./resume-id.ts";
import { SseSink } from "./sink.ts";

export interface SseDeps extends CredentialRules {
  streams: Streams;
}

const MAX_ROOMS = 50;

/** Characters. */
const MAX_EVENT_ID = 1_024;

const StreamParams = z.object({
  rooms: z
    .string()
    .min(1)
    .max(MAX_ROOMS * 81)
    .meta({ description: `Up to ${MAX_ROOMS} rooms, separated by commas. \`user:me\` is the caller's own.` }),
  last_event_id: z
    .string()
    .max(MAX_EVENT_ID)
    .optional()
    .meta({
      description:
        "Where to go on: the last event's id. The header `Last-Event-ID`, which browsers send, comes first, and then `lastEventId`, " +
        "as some EventSource libraries name it in the query.",
    }),
  event_names: z.enum(["true", "false"]).default("false").meta({
    description:
      "`true`: each event has its frame's type as `event:`, for `addEventListener`; else all go to `onmessage`.",
  }),
  token: z.string().max(8_192).optional().meta({ description: "A token, for browsers: EventSource sets no headers." }),
});

const streamRoute = route({
  method: "get",
  path: "/api/v1/stream",
  summary: "Follows rooms by server-sent events: the frames of the WebSocket, one JSON document in each event's `data`",
  tag: "live",
  auth: "public",
  request: { query: StreamParams },
  responses: {
    200: {
      description:
        "The stream. `system:resumed` says of each room whether everything since the last event's id follows (`recovered`), or " +
        "that the state is to be loaded again. A comment every 15 s is the heartbeat.",
      contentType: "text/event-stream",
      schema: z.string(),
    },
  },
  errors: ["unauthenticated", "banned", "wrong_origin", "forbidden", "not_found", "not_acceptable"],
});

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  // For nginx, which would otherwise hold events until a buffer is full.
  "x-accel-buffering": "no",
};

/** `GET /api/v1/stream`: rooms for clients that cannot, or need not, open a WebSocket (SPEC SS). */
export function addSse(api: Api, deps: SseDeps): void {
  api.openapi(streamRoute, async (c) => {
    if (!acceptsEventStream(c.req.header("accept"))) {
      throw new AppError("not_acceptable", "This is a stream: Accept: text/event-stream.");
    }
    const { rooms, last_event_id, event_names } = c.req.valid("query");
    const { caller } = await readCredentials(c.req.raw, c.get("host"), deps);
    const names = parseRooms(rooms, caller);
    if (c.req.raw.method === "HEAD") return new Response(null, { headers: HEADERS }) as never;
    // An empty one is none: some libraries always send it.
    // Not in the schema: code that is made of the OpenAPI document has one name for `lastEventId` and `last_event_id`.
    const id = c.req.header("last-event-id") || c.req.query("lastEventId") || last_event_id || undefined;
    if (id !== undefined && id.length > MAX_EVENT_ID) throw new AppError("invalid", "The last event's id is too long.");
    try {
      return (await openStream(c, deps.streams, caller, getStartPositions(names, id), event_names === "true")) as never;
    } catch (error) {
      // A client that comes back while this node stops, or while the database is unavailable, is not logged as a failure.
      if (error instanceof AppError && error.code === "unavailable") {
        return problemResponse(error, c.get("requestId")) as never;
      }
      throw error;
    }
  });
}

async function openStream(
  c: Context<ApiEnv>,
  streams: Streams,
  caller: Caller,
  rooms: StreamRequest["rooms"],
  named: boolean,
): Promise<Response> {
  const setIdleTimeout = (seconds: number) => c.env?.setIdleTimeout?.(seconds);
  const sink = new SseSink({ rooms: rooms.map(({ room }) => room), named, setIdleTimeout });
  const address = addressKey(c.get("address"));
  await streams.prepare(caller, address);
  const stream = streams.open({ caller, address, rooms, sink });
  sink.stream = stream;
  const { signal } = c.req.raw;
  signal.addEventListener("abort", () => sink.disconnected());
  if (signal.aborted) sink.disconnected();
  await requireOneRoom(stream);
  setIdleTimeout(0);
  return new Response(sink.body, { headers: HEADERS });
}

/** A stream without any room is refused by its status, which ends a browser's tries; one of some rooms returns the result of each. */
async function requireOneRoom(stream: Stream): Promise<void> {
  const results = await stream.roomResults;
  const [first] = results;
  if (first?.code == null || results.some(({ code }) => code === null)) return;
  stream.closed();
  throw new AppError(first.code);
}

function acceptsEventStream(header: string | undefined): boolean {
  return header === undefined || /text\/event-stream|text\/\*|\*\/\*/i.test(header);
}

/** The rooms by their full names, each once, in the order they were named; `all` is left out, since every client is in it (SPEC CN-7). */
function parseRooms(list: string, caller: Caller): string[] {
  const names = parseNameList(list).map((name) => {
    const trimmed = name.trim();
    if (trimmed === "user:me") {
      if (caller.kind !== "user") throw new AppError("unauthenticated");
      return `user:${caller.userId}`;
    }
    const room = trimmed === "" ? null : normalizeRoom(trimmed);
    if (room === null) throw new AppError("invalid", "rooms: names such as event:123, separated by commas");
    return room;
  });
  const rooms = [...new Set(names)].filter((room) => room !== "all");
  if (rooms.length > MAX_ROOMS) throw new AppError("invalid", `rooms: at most ${MAX_ROOMS}`);
  return rooms;
}

function getStartPositions(rooms: readonly string[], id: string | undefined): StreamRequest["rooms"] {
  const position = id === undefined ? null : parseId(id, rooms);
  return rooms.map((room, index) => {
    const seq = position?.seqs[index] ?? null;
    return { room, since: position === null || seq === null ? null : { seq, epoch: position.epoch } };
  });
}
