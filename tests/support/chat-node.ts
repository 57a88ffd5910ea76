import type { CommandType, Frame, FrameType } from "../../protocol/frames.ts";
import type { PublicUser } from "../../protocol/objects.ts";
import { type Chat, type ChatDeps, createChat } from "../../src/chat/index.ts";
import type { UserCaller } from "../../src/platform/caller.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import type { LogEntry } from "../../src/platform/log/entry.ts";
import { createLogReader } from "../../src/platform/log/reader.ts";
import { createHub } from "../../src/realtime/hub.ts";
import type { CommandHandler, RoomPolicy } from "../../src/realtime/index.ts";
import type { Hub } from "../../src/realtime/transport.ts";
import { HUB_LIMITS } from "./hub-node.ts";
import { stubSocket } from "./hub-stubs.ts";
import { type LogNode, startLogNode } from "./log-node.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

/** Chat on its own database. Its calls to the hub are recorded, in order. */
export interface ChatNode extends LogNode, Chat {
  database: TestDatabase;
  hubCalls: HubCall[];
  deps: ChatDeps;
  policy: RoomPolicy;
  commands: Map<CommandType, CommandHandler<CommandType>>;
  /** Makes a person with an account. */
  person(username: string): Promise<UserCaller>;
  /** The log of a room as a replay would show it. */
  log(room: string): Promise<LogEntry[]>;
}

export type HubCall =
  | { kind: "publish"; entry: LogEntry }
  | { kind: "ephemeral"; room: string; type: FrameType; payload: unknown; except: string | undefined };

/** @param beside another node whose database this one shares; @param clock what its ids are made by */
export async function startChatNode({
  max = 10,
  beside,
  clock = systemClock,
}: {
  max?: number;
  beside?: ChatNode;
  clock?: Clock;
} = {}): Promise<ChatNode> {
  const database = beside?.database ?? (await testDatabase());
  const node = await startLogNode(database.url, { max, clock });
  const { sql } = node;
  const hubCalls: HubCall[] = [];
  const commands: ChatNode["commands"] = new Map();
  let policy: RoomPolicy | null = null;

  // The log node keeps what its transactions publish; here both are recorded in one list.
  node.published.push = (...entries) => {
    for (const entry of entries) hubCalls.push({ kind: "publish", entry });
    return Array.prototype.push.apply(node.published, entries);
  };

  const deps: ChatDeps = {
    sql,
    postSql: sql,
    transaction: node.transaction,
    publish: (entries) => node.published.push(...entries),
    ids: node.ids,
    epoch: () => "epoch",
    users: {
      async get(ids) {
        const rows = await sql<PublicUser[]>`SELECT id, username, name FROM users WHERE id = ANY (${ids}::text[])`;
        return new Map(rows.map((row) => [row.id, { ...row }]));
      },
    },
    realtime: {
      publishEphemeral: (room, type, payload, except) =>
        hubCalls.push({ kind: "ephemeral", room, type, payload, except }),
      registerRooms: (_kind, its) => {
        policy = its;
      },
      registerCommand: (type, handler) => commands.set(type, handler as unknown as CommandHandler<CommandType>),
    },
  };
  const chat = createChat(deps);

  return {
    ...node,
    ...chat,
    database,
    hubCalls,
    deps,
    commands,
    policy: policy!,
    async person(username) {
      const userId = node.ids.next();
      await sql`INSERT INTO users (id, username, username_key) VALUES (${userId}, ${username}, ${`${username}-${userId}`})`;
      return { kind: "user", userId, username, role: "member", sessionId: null, expiresAt: null };
    },
    async log(room) {
      const rows = await sql<LogEntry[]>`
        SELECT r.name AS room, l.seq::float8, l.type, l.payload
        FROM log l JOIN rooms r ON r.id = l.room_id WHERE r.name = ${room} ORDER BY l.seq`;
      return rows.map((row) => ({ ...row }));
    },
    async stop() {
      await node.stop();
      if (beside === undefined) await database.close();
    },
  };
}

/** A hub on this node's log that gets all calls of the node, too; not yet what it publishes. */
export function addHub(node: ChatNode, policy = node.policy): { hub: Hub; connect(caller: UserCaller): HubClient } {
  const ignore = () => {};
  const hub = createHub({
    authenticate: {
      token: () => Promise.reject(new Error("no tokens here")),
      cookie: async () => null,
      isCurrent: () => true,
    },
    log: createLogReader({ sql: node.sql, epoch: node.epoch }),
    epoch: node.epoch.current(),
    node: "1",
    clock: systemClock,
    metrics: { sent: ignore, received: ignore, error: ignore, recovery: ignore, filled: ignore, closed: ignore },
    logger: { warn: ignore, error: console.error },
    limits: HUB_LIMITS,
  });
  hub.registerRooms("channel", policy);
  const topics = new Map<string, Set<Frame[]>>();
  const topic = (name: string) => topics.get(name) ?? topics.set(name, new Set()).get(name)!;
  hub.start((name, text) => {
    for (const frames of topic(name)) frames.push(JSON.parse(text));
    return 1;
  });
  return {
    hub,
    connect(caller) {
      const frames: Frame[] = [];
      const connection = hub.connect(caller, "192.0.2.1");
      const socket = stubSocket({
        send: (text) => frames.push(JSON.parse(text)),
        subscribe: (name) => void topic(name).add(frames),
        unsubscribe: (name) => void topic(name).delete(frames),
      });
      hub.opened(connection, socket);
      return { frames, send: (frame) => hub.received(connection, JSON.stringify(frame)) };
    },
  };
}

/** A client of `addHub`'s, without a network between. */
export interface HubClient {
  frames: Frame[];
  send(frame: object): void;
}
