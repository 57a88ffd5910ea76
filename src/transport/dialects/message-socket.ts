import type { ServerWebSocket } from "bun";
import { z } from "zod";
import { CLOSE, type CloseReason } from "../../../protocol/codes.ts";
import { MessageContent } from "../../../protocol/objects.ts";
import { Snowflake } from "../../../protocol/rooms.ts";
import type { Chat } from "../../chat/index.ts";
import { ANONYMOUS, type UserCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { parseBoundedJson } from "../../platform/json-bounds.ts";
import type { Authenticate } from "../../realtime/transport.ts";
import type { Sink, Stream, StreamFrame, Streams } from "../streams/index.ts";

export interface MessageSocketDeps {
  authenticate: Authenticate;
  streams: Streams;
  channels: Pick<Chat["channels"], "list">;
  logger: { error(fields: object, message: string): void };
}

/** ms in which a socket that came without a token must send one. */
const SIGN_IN_TIMEOUT_MS = 10_000;

/** Heartbeats (one every 15 s) that may stay without a reply. */
const MAX_MISSED_HEARTBEATS = 4;

/** Channels that a socket is in from its beginning: the maximum of one page. */
const MAX_CHANNELS = 100;

const Body = z.object({ channel: Snowflake, content: MessageContent });

/**
 * A socket of `/api/message/ws`: bodies without an envelope go in, `{user_id, username, channel, content}`, and every message of
 * the person's channels comes out in the same form with its id and time. The sender is the token's user, never one from the body.
 * For the hub it is a stream whose commands are made here.
 */
export class MessageSocket implements Sink {
  readonly #deps: MessageSocketDeps;
  readonly #address: string;
  #caller: UserCaller | null;
  #socket: ServerWebSocket<unknown> | null = null;
  /** Until a token has come: the stream of an anonymous client, in no room, with the same limits as every other. */
  #stream: Stream | null = null;
  #signInTimer: ReturnType<typeof setTimeout> | null = null;
  /** Whether the stream is that of the person. */
  #isOpen = false;
  #sent = 0;
  #missedHeartbeats = 0;
  /** A token is being checked: one at a time. */
  #isAuthenticating = false;
  #attempts = 0;
  /** What came while the token was checked and the channels were read: in order, and a few only. */
  #earlyFrames: (string | Uint8Array)[] = [];
  #earlyLength = 0;

  /** @param caller null: the token comes in the first frame */
  constructor(deps: MessageSocketDeps, caller: UserCaller | null, address: string) {
    this.#deps = deps;
    this.#caller = caller;
    this.#address = address;
  }

  opened(socket: ServerWebSocket<unknown>): void {
    this.#socket = socket;
    if (this.#caller !== null) void this.#open(this.#caller);
    else this.#waitForToken();
  }

  received(frame: string | Uint8Array): void {
    this.#missedHeartbeats = 0;
    if (this.#stream !== null && !this.#stream.count(frame)) return;
    if (this.#isOpen && this.#stream !== null) this.#sendMessage(this.#stream, frame);
    else if (this.#caller !== null || this.#isAuthenticating) this.#bufferFrame(frame);
    else if (++this.#attempts > MAX_ATTEMPTS) this.end("flood");
    else if (typeof frame !== "string") this.#fail(TEXT_ONLY);
    else void this.#authenticate(frame);
  }

  /** A ping or pong. */
  heartbeatReceived(): void {
    this.#missedHeartbeats = 0;
    this.#stream?.count("");
  }

  drained(): void {
    this.#stream?.drained();
  }

  closed(): void {
    this.#socket = null;
    if (this.#signInTimer !== null) clearTimeout(this.#signInTimer);
    this.#stream?.closed();
  }

  write({ type, text }: StreamFrame): void {
    if (type === "message:created") this.#socket?.send(formatEcho(JSON.parse(text).payload));
    else if (type === "system:error") this.#fail(JSON.parse(text).payload.message);
    else if (type === "channel:joined") this.#joinChannel(JSON.parse(text).payload.id);
  }

  heartbeat(): void {
    if (++this.#missedHeartbeats > MAX_MISSED_HEARTBEATS) this.end("silent");
    else this.#socket?.ping();
  }

  buffered(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  end(reason: CloseReason | "cut"): void {
    if (reason === "cut") this.#socket?.terminate();
    else this.#socket?.close(CLOSE[reason].code, CLOSE[reason].reason);
  }

  /** For a token, in one of the first frames. */
  #waitForToken(): void {
    this.#signInTimer = setTimeout(() => this.end("silent"), SIGN_IN_TIMEOUT_MS);
    const sink = {
      write() {},
      heartbeat() {},
      buffered: () => 0,
      end: (reason: CloseReason | "cut") => this.end(reason),
    };
    try {
      this.#stream = this.#deps.streams.open({ caller: ANONYMOUS, address: this.#address, rooms: [], sink });
    } catch (error) {
      this.#refuse(error);
    }
  }

  #bufferFrame(frame: string | Uint8Array): void {
    this.#earlyLength += frame.length;
    if (this.#earlyFrames.push(frame) > MAX_EARLY_FRAMES || this.#earlyLength > MAX_EARLY_LENGTH) this.end("flood");
  }

  async #authenticate(frame: string): Promise<void> {
    const [, token] = /^(?:Authorization: *)?Bearer +(\S+)$/i.exec(frame.trim()) ?? [];
    if (token === undefined) {
      this.#fail("Send the token first: Authorization: Bearer <token>");
      return;
    }
    this.#isAuthenticating = true;
    try {
      const caller = await this.#deps.authenticate.token(token);
      if (caller.kind !== "user") throw new AppError("forbidden", "This path is for people.");
      this.#caller = caller;
      if (this.#signInTimer !== null) clearTimeout(this.#signInTimer);
      await this.#open(caller);
    } catch (error) {
      this.#refuse(error);
    }
  }

  async #open(caller: UserCaller): Promise<void> {
    try {
      const { data } = await this.#deps.channels.list(caller, { scope: "joined", limit: MAX_CHANNELS });
      await this.#deps.streams.prepare(caller, this.#address);
      if (this.#socket === null) return;
      const rooms = data.map(({ id }) => ({ room: `channel:${id}`, since: null }));
      this.#stream?.closed();
      const stream = this.#deps.streams.open({ caller, address: this.#address, rooms, sink: this });
      this.#stream = stream;
      this.#isOpen = true;
      for (const frame of this.#earlyFrames) if (stream.count(frame)) this.#sendMessage(stream, frame);
      this.#earlyFrames = [];
    } catch (error) {
      this.#refuse(error);
    }
  }

  #sendMessage(stream: Stream, frame: string | Uint8Array): void {
    if (typeof frame !== "string") {
      this.#fail(TEXT_ONLY);
      return;
    }
    const body = Body.safeParse(parseBoundedJson(frame, MAX_VALUES));
    if (!body.success) {
      this.#fail('Send {"channel": "<id of a channel>", "content": "<text>"}.');
      return;
    }
    const { channel, content } = body.data;
    // With an id, so that a refusal differs from the failure of the stream itself.
    stream.command({ type: "message:send", id: ++this.#sent, payload: { channel_id: channel, content } });
  }

  #joinChannel(channelId: string): void {
    this.#stream?.command({ type: "room:join", id: ++this.#sent, payload: { room: `channel:${channelId}` } });
  }

  #refuse(error: unknown): void {
    if (error instanceof AppError) this.#fail(error.message);
    else this.#deps.logger.error({ err: error }, "a socket of /api/message/ws failed");
    this.end(error instanceof AppError && error.status < 500 ? "signed_out" : "draining");
  }

  #fail(message: string): void {
    this.#socket?.send(JSON.stringify({ status: "fail", message }));
  }
}

const MAX_EARLY_FRAMES = 100;
const MAX_EARLY_LENGTH = 262_144;

const TEXT_ONLY = "Send text frames.";

/** Frames that may come before a token. */
const MAX_ATTEMPTS = 10;

/** Values in a frame, which has two. */
const MAX_VALUES = 100;

/** The id is a number without quotes, as these clients print it, with more digits than a JavaScript number holds. */
function formatEcho(payload: { [field: string]: string }): string {
  const { message_id, channel_id, user_id, username, content, created_at } = payload;
  const rest = JSON.stringify({ user_id, username, channel: channel_id, content, created_at });
  return `{"message_id":${message_id},${rest.slice(1)}`;
}
