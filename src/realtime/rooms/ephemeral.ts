import type { FramePayload, FrameType } from "../../../protocol/frames.ts";
import { roomId, roomKind } from "../../../protocol/rooms.ts";
import type { Broker } from "../broker/broker.ts";
import type { ConnectionRegistry } from "../connections/connection-registry.ts";
import { encodeText } from "../connections/encode-frame.ts";
import type { FrameSender } from "../connections/frame-sender.ts";
import type { Policies } from "./policies.ts";
import type { RoomRegistry } from "./room-registry.ts";

/** Sent to other nodes: the frame is encoded once. */
interface EphemeralMessage {
  room: string;
  type: string;
  frame: string;
  except?: string;
}

export interface EphemeralPublisherDeps {
  broker: Broker;
  connections: ConnectionRegistry;
  rooms: RoomRegistry;
  sender: FrameSender;
  policies: Policies;
}

/** Sends frames that are not stored to connected members, on this node and on those that the broker reaches (SPEC FR-6). */
export class EphemeralPublisher {
  readonly #deps: EphemeralPublisherDeps;

  constructor(deps: EphemeralPublisherDeps) {
    this.#deps = deps;
    deps.broker.on("ephemeral", (message) => {
      const { room, type, frame, except } = message as EphemeralMessage;
      this.#deliver(room, type, frame, except);
    });
  }

  /** @param except a person whose connections do not get it */
  readonly publish = <T extends FrameType>(room: string, type: T, payload: FramePayload<T>, except?: string): void =>
    this.publishText(room, type, JSON.stringify(payload), except);

  /** The same for a payload that is JSON text already. */
  readonly publishText = (room: string, type: string, payload: string, except?: string): void => {
    const frame = encodeText(type, payload);
    this.#deliver(room, type, frame, except);
    this.#deps.broker.send("ephemeral", { room, type, frame, except } satisfies EphemeralMessage);
  };

  #deliver(name: string, type: string, frame: string, except: string | undefined): void {
    const { connections, rooms, sender } = this.#deps;
    if (name === "all") {
      for (const connection of [...connections.open])
        if (except === undefined || connection.caller.kind !== "user" || connection.caller.userId !== except)
          sender.send(connection, type, frame);
    } else if (roomKind(name) === "user") {
      for (const connection of rooms.userConnections.get(roomId(name))) sender.send(connection, type, frame);
      if ((rooms.get(name)?.members ?? 0) > 0) sender.publishToTopic(name, frame);
    } else this.#deliverExcept(name, type, frame, except);
  }

  /** The sockets of those who do not get it leave the topic and join it again within the tick: they miss exactly this frame. */
  #deliverExcept(name: string, type: string, frame: string, except: string | undefined): void {
    const { rooms, sender, policies } = this.#deps;
    const room = rooms.get(name);
    if (room === undefined || room.members === 0) return;
    const userIds = new Set(except === undefined ? [] : [except]);
    // A person whose removal waits for an earlier entry still gets what was logged before it, and nothing else (SPEC JN-8).
    for (const entry of room.bufferedEntries) {
      const expelled = policies.findExpelled(entry);
      if (expelled === "everyone") return;
      if (expelled !== null) userIds.add(expelled.userId);
    }
    const excluded = [...userIds].flatMap((id) => rooms.userConnections.get(id)).filter((one) => one.isIn(room));
    for (const { socket } of excluded) socket?.unsubscribe(name);
    sender.publishToRoom(room, type, frame);
    for (const { socket } of excluded) socket?.subscribe(name);
  }
}
