import type { Frame, FramePayload } from "../protocol/frames.ts";
import { backoff, randomBetween } from "./backoff.ts";
import type { Environment, Socket, Timer } from "./environment.ts";
import { callSafely } from "./events.ts";
import { socketAddress } from "./token.ts";

/**
 * `idle`: no connection is wanted. `connecting`: the socket is being opened. `open`: it is open, without system:connected yet.
 * `resuming`: connected, the rooms are being resumed. `live`: nothing is missing. `waiting`: until the next attempt.
 * `refused`: the server does not want this client as it is (signed out, banned, bad token); nothing happens until `start`.
 */
export type ConnectionState = "idle" | "connecting" | "open" | "resuming" | "live" | "waiting" | "refused";

export interface Refusal {
  /** The close code (protocol/codes.ts, 4100–4199), or null when the server refused before there was a socket. */
  code: number | null;
  reason: string;
  /**
   * The connection is for another person than the client's, who has signed in with the same cookie. The client and its outbox stay with
   * their person; make a new client, or reload the page, for the other one.
   */
  isOtherPerson: boolean;
}

/** Whom system:connected is for: the expected person (or none, where that is right), none although one was expected, another one. */
export type Welcome = "expected" | "anonymous" | "other_person";

/** What the connection needs from its owner. */
export interface ConnectionPort {
  environment: Environment;
  /** Where the socket is, without the token. */
  socketUrl: string;
  /** The token to connect with; null: none, or the cookie is used. `fresh`: the last one was refused. */
  token(fresh: boolean): Promise<string | null>;
  /** After a handshake that failed for an unknown reason: whether the server refuses this caller as not signed in. */
  rejected(): Promise<boolean>;
  /** The server has sent system:connected on a connection with this token, or without one. Unless it returns `expected`, nothing is sent. */
  welcome(greeting: FramePayload<"system:connected">, token: string | null): Welcome;
  frame(frame: Frame): void;
  /** The connection is lost, and the pending commands with it. */
  disconnected(): void;
  changed(state: ConnectionState): void;
}

/** ms for the socket to open and system:connected to arrive. */
const CONNECT_TIMEOUT_MS = 10_000;
/** ms for any frame after a ping of ours. */
const PONG_TIMEOUT_MS = 10_000;
/** After a connection that lasted this long, in ms, the back-off starts again. */
const STABLE_AFTER_MS = 5_000;
const TOKEN_EXPIRED = 4101;
const ABNORMAL_CLOSURE = 1006;

/** One socket at a time, reopened as long as a connection is wanted. */
export class Connection {
  readonly #port: ConnectionPort;
  #state: ConnectionState = "idle";
  #refusal: Refusal | null = null;
  #socket: Socket | null = null;
  /** Counts the attempts; events of an older one are ignored. */
  #generation = 0;
  #attempt = 0;
  #timer: Timer | null = null;
  #unwatchNetwork: (() => void) | null = null;
  #token: string | null = null;
  #tokenRefused = false;
  #isConnected = false;
  #connectedAt = 0;
  #lastReceivedAt = 0;
  #isPinging = false;
  #pingIntervalMs = 30_000;
  #bye: FramePayload<"system:bye"> | null = null;

  constructor(port: ConnectionPort) {
    this.#port = port;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Why the state is `refused`; null in every other state. */
  get refusal(): Refusal | null {
    return this.#refusal;
  }

  /** Connects now, unless it is connected or connecting. */
  start(): void {
    if (!["idle", "waiting", "refused"].includes(this.#state)) return;
    this.#unwatchNetwork ??= this.#port.environment.watchNetwork((event) => this.#network(event));
    this.#attempt = 0;
    this.#tokenRefused = false;
    void this.#connect();
  }

  stop(): void {
    this.#unwatchNetwork?.();
    this.#unwatchNetwork = null;
    this.#discard();
    this.#setState("idle");
  }

  /** Sends a frame on the socket. False when there is no connection after system:connected. */
  transmit(text: string): boolean {
    if (!this.#isConnected || !this.#socket) return false;
    this.#socket.send(text);
    return true;
  }

  /** The owner has resumed all its rooms. */
  resumed(): void {
    if (this.#state === "resuming") this.#setState("live");
  }

  async #connect(): Promise<void> {
    this.#discard();
    const generation = this.#generation;
    this.#setState("connecting");
    let token: string | null;
    try {
      token = await this.#port.token(this.#tokenRefused);
    } catch {
      // The source of tokens failed: a failed attempt like any other.
      if (generation === this.#generation) this.#scheduleReconnect(this.#nextDelay());
      return;
    }
    if (generation !== this.#generation) return;
    if (this.#tokenRefused && token === this.#token) {
      this.#refuse(null, "Sign in first.");
    } else {
      this.#tokenRefused = false;
      this.#token = token;
      this.#open(generation, token);
    }
  }

  #open(generation: number, token: string | null): void {
    const { environment, socketUrl } = this.#port;
    const { url, protocols } = socketAddress(socketUrl, token);
    let socket: Socket;
    try {
      socket = environment.openSocket(url, protocols);
    } catch (error) {
      // No WebSocket in this runtime, or an invalid address: another attempt would fail in the same way.
      this.#refuse(null, error instanceof Error ? error.message : String(error));
      return;
    }
    this.#socket = socket;
    this.#timer = environment.setTimer(
      () => this.#handleClose(ABNORMAL_CLOSURE, "The server did not send system:connected in time."),
      CONNECT_TIMEOUT_MS,
    );
    const ifCurrent = (run: () => void) => {
      if (generation === this.#generation) run();
    };
    socket.onopen = () => ifCurrent(() => this.#setState("open"));
    socket.onmessage = ({ data }) => ifCurrent(() => this.#received(data));
    socket.onclose = ({ code, reason }) => ifCurrent(() => this.#handleClose(code, reason));
    socket.onerror = () => {};
  }

  #received(data: unknown): void {
    this.#lastReceivedAt = this.#port.environment.elapsed();
    if (this.#isPinging) this.#scheduleHeartbeat();
    if (typeof data !== "string") return;
    const frame = JSON.parse(data) as Frame;
    if (frame.type === "system:connected") this.#handleConnected(frame.payload);
    else if (frame.type === "system:bye") this.#bye = frame.payload;
    else if (this.#isConnected) this.#port.frame(frame);
  }

  #handleConnected(greeting: FramePayload<"system:connected">): void {
    this.#isConnected = true;
    this.#pingIntervalMs = greeting.ping_interval;
    this.#connectedAt = this.#lastReceivedAt;
    this.#scheduleHeartbeat();
    const generation = this.#generation;
    this.#setState("resuming");
    const welcome = this.#port.welcome(greeting, this.#token);
    if (generation !== this.#generation) return;
    if (welcome === "anonymous") this.#unauthenticated();
    else if (welcome === "other_person") this.#refuse(null, "Another person has signed in.", true);
  }

  /** The connection ended: by a close frame, by an error, or because nothing was received for too long. */
  #handleClose(code: number, reason: string): void {
    const { environment } = this.#port;
    const wasConnected = this.#isConnected;
    const bye = this.#bye;
    if (wasConnected && environment.elapsed() - this.#connectedAt >= STABLE_AFTER_MS) this.#attempt = 0;
    this.#discard();
    const final = code >= 4100 && code <= 4199 ? code : bye && !bye.reconnect ? bye.code : null;
    if (final === TOKEN_EXPIRED) this.#unauthenticated();
    else if (final !== null) this.#refuse(final, bye?.reason ?? reason);
    else if (bye) this.#scheduleReconnect(randomBetween(bye.after, environment));
    else if (wasConnected) this.#scheduleReconnect(this.#nextDelay());
    else void this.#handshakeFailed();
  }

  /** A browser does not tell why a handshake failed, so a REST call finds out whether the credential is the reason. */
  async #handshakeFailed(): Promise<void> {
    const generation = this.#generation;
    this.#setState("waiting");
    const rejected = await this.#port.rejected();
    if (generation !== this.#generation) return;
    if (rejected) this.#unauthenticated();
    else this.#scheduleReconnect(this.#nextDelay());
  }

  /** One more attempt with another token; without another one it is a refusal. */
  #unauthenticated(): void {
    this.#discard();
    this.#tokenRefused = true;
    this.#scheduleReconnect(this.#nextDelay());
  }

  #refuse(code: number | null, reason: string, isOtherPerson = false): void {
    this.#discard();
    this.#refusal = { code, reason, isOtherPerson };
    this.#setState("refused");
  }

  #scheduleReconnect(delay: number): void {
    this.#timer = this.#port.environment.setTimer(() => void this.#connect(), delay);
    this.#setState("waiting");
  }

  #nextDelay(): number {
    const delay = backoff(this.#attempt, this.#port.environment);
    this.#attempt += 1;
    return delay;
  }

  /** Pings after an interval of silence, and closes the connection when nothing is received after that. */
  #scheduleHeartbeat(): void {
    this.#isPinging = false;
    this.#clearTimer();
    const { environment } = this.#port;
    const left = this.#lastReceivedAt + this.#pingIntervalMs - environment.elapsed();
    if (left <= 0) this.#ping();
    else this.#timer = environment.setTimer(() => this.#scheduleHeartbeat(), left);
  }

  #ping(): void {
    if (this.#isPinging) return;
    this.#isPinging = true;
    this.#clearTimer();
    this.transmit('{"type":"system:ping"}');
    const onTimeout = () => this.#handleClose(ABNORMAL_CLOSURE, "The server does not respond.");
    this.#timer = this.#port.environment.setTimer(onTimeout, PONG_TIMEOUT_MS);
  }

  #network(event: "online" | "offline" | "visible"): void {
    if (event === "offline") {
      if (this.#isConnected) this.#ping();
    } else if (this.#state === "waiting") {
      this.start();
    } else if (this.#isConnected) {
      this.#ping();
    }
  }

  /** Discards the present socket and its timer, and notifies the owner. */
  #discard(): void {
    this.#generation += 1;
    this.#clearTimer();
    this.#refusal = null;
    this.#bye = null;
    this.#isPinging = false;
    const socket = this.#socket;
    const wasConnected = this.#isConnected;
    this.#socket = null;
    this.#isConnected = false;
    socket?.close(1000);
    if (wasConnected) callSafely(() => this.#port.disconnected());
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#port.environment.clearTimer(this.#timer);
    this.#timer = null;
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    callSafely(() => this.#port.changed(state));
  }
}
