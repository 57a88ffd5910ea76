import type { CommandPayload, CommandType, Frame, FramePayload } from "../protocol/frames.ts";
import type { Position } from "../protocol/objects.ts";
import { Commands } from "./commands.ts";
import { Connection, type ConnectionState, type Refusal } from "./connection.ts";
import { type Environment, type SocketConstructor, systemEnvironment } from "./environment.ts";
import { UsherError } from "./errors.ts";
import { Events } from "./events.ts";
import type { RoomFrame, RoomHandlers } from "./follower.ts";
import { Outbox, type OutboxStorage, type Outgoing, type Sent } from "./outbox.ts";
import { isPresenceFrame } from "./presence.ts";
import { createRest, type Rest } from "./rest.ts";
import { Rooms } from "./rooms.ts";
import { trimToken } from "./token.ts";

export interface ClientOptions {
  /** Origin of the server, such as `https://chat.example.org`. Left out in a browser: the page's own. */
  url?: string;
  /**
   * A fixed access token, or a service's; blanks and line ends around it are ignored. With neither this nor `getToken` the session
   * cookie is used, if there is one.
   */
  token?: string;
  /** Called before each connection and request. `fresh`: the last token was refused, a new one is needed. */
  getToken?: (fresh: boolean) => Promise<string | null>;
  /** Whose client this is; left out: the person of the first connection. A connection for another person is refused. */
  userId?: string;
  /** Stores unsent messages over a reload, separately for each person: at once with `userId`, else from the first connection on. */
  storage?: OutboxStorage;
  fetch?: typeof fetch;
  /** For a runtime without its own WebSocket, such as Node 20: the package `ws` works. */
  WebSocket?: SocketConstructor;
  /** Clock, timers, randomness and sockets; for tests. */
  environment?: Environment;
}

/** Frames that are in no log: they are lost when there is no listener. */
export type EphemeralType = "read:marked" | "typing:started" | "typing:stopped" | "booking:queue_position";

export type ClientEvents = {
  state: ConnectionState;
  /** The pending messages, after every change. */
  outbox: readonly Outgoing[];
  /** The server has acknowledged a message of the outbox. */
  sent: Sent;
} & { [T in EphemeralType]: FramePayload<T> };

export interface Client {
  readonly rest: Rest;
  readonly state: ConnectionState;
  /** Why `state` is `refused`. */
  readonly refusal: Refusal | null;
  /** The person of this client, as the server sent it; null before the first connection, and without a person. It never changes to another. */
  readonly userId: string | null;
  readonly outbox: Outbox;
  /** Connects, and reconnects whenever the connection is lost, until `close`. Also after a refusal, with a new token or cookie. */
  connect(): void;
  close(): void;
  /** Replaces a fixed token; on an open connection it is sent at once. */
  setToken(token: string): Promise<void>;
  /**
   * Follows a room from `position` on (as the data of a page has it), or from now on with null.
   * Works before `connect` and across lost connections. Returns the function that ends it.
   */
  follow(room: string, position: Position | null, handlers: RoomHandlers): () => void;
  /** Sends a command and returns the payload of the reply; rejects with UsherError. Messages are sent with `outbox.add`. */
  command<T extends CommandType>(type: T, payload: CommandPayload<T>): Promise<Frame["payload"]>;
  on<K extends keyof ClientEvents>(name: K, listener: (value: ClientEvents[K]) => void): () => void;
}

const EPHEMERAL: ReadonlySet<string> = new Set<EphemeralType>([
  "read:marked",
  "typing:started",
  "typing:stopped",
  "booking:queue_position",
]);

/** A client of one Usher server for one person; it never changes to another person. Before `connect` only REST calls work. */
export function createClient(options: ClientOptions = {}): Client {
  const url = (options.url ?? globalThis.location?.origin ?? "").replace(/(?<!\/)\/+$/, "");
  const environment = options.environment ?? systemEnvironment(options.WebSocket);
  const events = new Events<ClientEvents>();
  let fixedToken = trimToken(options.token);
  let userId: string | null = null;
  const expectsUser = () =>
    options.userId !== undefined || fixedToken !== null || options.getToken !== undefined || userId !== null;
  const token = async (fresh: boolean) => (options.getToken ? trimToken(await options.getToken(fresh)) : fixedToken);

  const rest = createRest({ url, fetch: options.fetch, getToken: () => token(false) });
  const commands: Commands = new Commands(environment, (text) => connection.transmit(text));
  const rooms = new Rooms(environment, commands, () => connection.resumed());
  const outbox = new Outbox({
    environment,
    commands,
    storage: options.storage ?? null,
    owner: options.userId ?? null,
    changed: (items) => events.emit("outbox", items),
    sent: (sent) => events.emit("sent", sent),
  });

  const connection: Connection = new Connection({
    environment,
    socketUrl: `${url.replace(/^http/, "ws")}/ws`,
    token,
    rejected: async () => {
      if (!expectsUser()) return false;
      try {
        await rest.users.me();
        return false;
      } catch (error) {
        // Only this response counts; any other error has the same cause as the failed handshake.
        return error instanceof UsherError && error.status === 401;
      }
    },
    welcome: (greeting, token) => {
      const owner = options.userId ?? userId;
      // With a token and without a person: a service.
      const isService = greeting.user_id === null && token !== null && owner === null;
      if (greeting.user_id === null && expectsUser() && !isService) return "anonymous";
      if (owner !== null && greeting.user_id !== owner) return "other_person";
      userId = greeting.user_id;
      if (userId !== null) outbox.setOwner(userId);
      rooms.connected();
      return "expected";
    },
    frame: receive,
    disconnected: () => {
      outbox.close();
      rooms.disconnected();
      commands.failAll();
    },
    changed: (state) => {
      if (state === "live") outbox.open();
      events.emit("state", state);
    },
  });

  function receive(frame: Frame): void {
    if (commands.handleReply(frame)) return;
    if (frame.room !== undefined && frame.seq !== undefined) rooms.deliver(frame as RoomFrame);
    else if (frame.type === "room:left") rooms.left(frame.payload.room, frame.payload.code);
    else if (frame.type === "room:joined") rooms.restarted(frame.payload.room, frame.payload);
    else if (isPresenceFrame(frame)) rooms.applyPresence(frame);
    else if (EPHEMERAL.has(frame.type)) events.emit(frame.type as EphemeralType, frame.payload as never);
    acknowledge(frame);
  }

  /** The sender of the frame wants an acknowledgement (SPEC FR-7). */
  function acknowledge(frame: Frame): void {
    const { ack_id } = (frame.payload ?? {}) as { ack_id?: unknown };
    if (typeof ack_id === "string") connection.transmit(JSON.stringify({ type: "system:ack", payload: { ack_id } }));
  }

  return {
    rest,
    outbox,
    get state() {
      return connection.state;
    },
    get refusal() {
      return connection.refusal;
    },
    get userId() {
      return userId;
    },
    connect: () => connection.start(),
    close: () => connection.stop(),
    async setToken(next) {
      fixedToken = trimToken(next);
      if (connection.state === "live" || connection.state === "resuming") {
        await commands.call("system:auth", { token: fixedToken ?? "" });
      }
    },
    follow: (room, position, handlers) => rooms.follow(room, position, handlers),
    command: async (type, payload) => (await commands.call(type, payload)).payload,
    on: (name, listener) => events.on(name, listener),
  };
}
