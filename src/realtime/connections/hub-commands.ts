import { frameCode } from "../../../protocol/codes.ts";
import type { CommandId, CommandPayload } from "../../../protocol/frames.ts";
import { normalizeRoom, type RoomKind, roomKind } from "../../../protocol/rooms.ts";
import type { ServiceCaller, UserCaller } from "../../platform/caller.ts";
import type { Clock } from "../../platform/clock.ts";
import { AppError } from "../../platform/errors.ts";
import type { Admission } from "../limits/admission.ts";
import { MAX_RESUME_ROOMS } from "../limits/fixed-limits.ts";
import type { JoinOutcome, Joins } from "../recovery/join.ts";
import { parseRoom } from "../rooms/command-rooms.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import type { Authenticate } from "../transport.ts";
import type { CommandDispatcher } from "./command-dispatcher.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionLifecycle } from "./connection-lifecycle.ts";
import { encode } from "./encode-frame.ts";
import type { FrameSender } from "./frame-sender.ts";

export interface HubCommandDeps {
  dispatcher: CommandDispatcher;
  rooms: RoomRegistry;
  joins: Joins;
  sender: FrameSender;
  authenticate: Authenticate;
  epoch: () => string;
  clock: Clock;
  cluster: { ackReceived(ackId: string, userId: string | null): void };
  admission: Admission;
  lifecycle: ConnectionLifecycle;
}

/** Rooms that a connection is in until it closes. */
const PERMANENT_ROOM_KINDS: readonly RoomKind[] = ["all", "user"];

/** The hub's own commands: heartbeat, sign-in, rooms. */
export function registerHubCommands(deps: HubCommandDeps): void {
  const { dispatcher, sender } = deps;
  dispatcher.registerHubCommand("system:ping", (connection, _payload, id) => {
    const payload = { server_time: new Date(deps.clock.now()).toISOString() };
    sender.send(connection, "system:pong", encode("system:pong", payload, id));
    return undefined;
  });
  dispatcher.registerHubCommand("system:ack", (connection, { ack_id }, id) => {
    const { caller } = connection;
    deps.cluster.ackReceived(ack_id, caller.kind === "user" ? caller.userId : null);
    if (id !== undefined) sender.send(connection, "system:ack", encode("system:ack", {}, id));
    return undefined;
  });
  dispatcher.registerHubCommand("system:auth", (connection, { token }, id) =>
    authenticate(deps, connection, token, id),
  );
  dispatcher.registerHubCommand("room:join", (connection, payload, id) => join(deps, connection, payload, id));
  dispatcher.registerHubCommand("room:leave", (connection, payload, id) => {
    const name = parseRoom(payload);
    const room = deps.rooms.get(name);
    const isPermanent = PERMANENT_ROOM_KINDS.includes(roomKind(name)) && !(room && connection.isIn(room));
    if (isPermanent) throw new AppError("invalid", "You cannot leave this room.");
    if (room !== undefined) deps.rooms.leave(connection, room);
    sender.send(connection, "room:left", encode("room:left", { room: name }, id));
    return undefined;
  });
  dispatcher.registerHubCommand("system:resume", (connection, payload, id) => resume(deps, connection, payload, id));
}

/** A new token for the same person, or the first one of an anonymous connection (SPEC CN-6). */
async function authenticate(deps: HubCommandDeps, connection: Connection, token: string, id: CommandId | undefined) {
  const caller = await deps.authenticate.token(token);
  if (connection.caller.kind === "anonymous") await deps.admission.prepare(caller, "");
  if (!deps.authenticate.isCurrent(caller)) throw new AppError("unauthenticated");
  const before = connection.caller;
  if (before.kind !== "anonymous" && getOwner(before) !== getOwner(caller)) {
    throw new AppError("forbidden", "This connection belongs to another person. Open a new one.");
  }
  deps.lifecycle.signIn(connection, caller);
  const expires = caller.expiresAt === null ? null : new Date(caller.expiresAt).toISOString();
  if (id === undefined) return;
  const userId = caller.kind === "user" ? caller.userId : null;
  deps.sender.send(connection, "system:ack", encode("system:ack", { user_id: userId, expires_at: expires }, id));
}

/** The owner of a connection; a person and a service are never the same. */
function getOwner(caller: UserCaller | ServiceCaller): string {
  return caller.kind === "user" ? `user ${caller.userId}` : `service ${caller.tokenId}`;
}

function join(
  deps: HubCommandDeps,
  connection: Connection,
  payload: CommandPayload<"room:join">,
  id: CommandId | undefined,
) {
  const request = {
    room: parseRoom(payload),
    since: parseSince(payload.since, payload.epoch, deps.epoch()),
    presence: payload.presence,
  };
  return deps.joins.join(connection, [request], (outcomes) => {
    const { room, seq, recovered, members, code } = outcomes[0]!;
    if (code !== null) return deps.sender.sendError(connection, code, undefined, id);
    const reply = encode("room:joined", { room, seq, epoch: deps.epoch(), recovered, members }, id);
    deps.sender.send(connection, "room:joined", reply);
  });
}

function resume(
  deps: HubCommandDeps,
  connection: Connection,
  payload: CommandPayload<"system:resume">,
  id: CommandId | undefined,
) {
  const named = Object.entries(payload.rooms);
  if (named.length > MAX_RESUME_ROOMS)
    throw new AppError("invalid", `payload.rooms: at most ${MAX_RESUME_ROOMS} in one frame`);
  connection.allowance -= named.length / ROOMS_PER_FRAME;
  const requests = named
    .filter(([room]) => normalizeRoom(room) === room)
    .map(([room, { seq, epoch, presence }]) => ({ room, since: parseSince(seq, epoch, deps.epoch()), presence }));
  return deps.joins.join(connection, requests, (outcomes) => {
    const outcomesByRoom = new Map<string, JoinOutcome>(outcomes.map((outcome) => [outcome.room, outcome]));
    const rooms = named.map(([room]) => {
      const { seq, recovered, code } = outcomesByRoom.get(room) ?? UNKNOWN_ROOM;
      return [room, { seq, epoch: deps.epoch(), recovered, code: code === null ? undefined : frameCode(code) }];
    });
    deps.sender.send(connection, "system:resumed", encode("system:resumed", { rooms: Object.fromEntries(rooms) }, id));
  });
}

/** Rooms of a resume that count as one frame: it is the most expensive command of a client. */
const ROOMS_PER_FRAME = 10;

const UNKNOWN_ROOM = { seq: 0, recovered: false, code: "not_found" } as const;

/** A position of another epoch is void. Without an epoch it is taken as one of the present epoch. */
function parseSince(since: number | undefined, epoch: string | undefined, present: string): number | null {
  return since === undefined || (epoch !== undefined && epoch !== present) ? null : since;
}
