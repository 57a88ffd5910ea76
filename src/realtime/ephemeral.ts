import type { FramePayload, FrameType } from "../../protocol/frames.ts";
import { roomId, roomKind } from "../../protocol/rooms.ts";
import type { Broker } from "./broker/broker.ts";
import type { Connections } from "./connections.ts";
import { encodeText } from "./encode.ts";
import type { FanOut } from "./fan-out.ts";
import type { Rooms } from "./rooms.ts";
import type { Sender } from "./sender.ts";

/** On its way to another node: the frame was encoded once. */
interface Brought {
  room: string;
  type: string;
  frame: string;
  except?: string;
}

export interface EphemeralDeps {
  broker: Broker;
  connections: Connections;
  rooms: Rooms;
  sender: Sender;
  fanOut: FanOut;
}

/** Frames that are not kept: to whoever is there, on this node and on those that the broker reaches (SPEC FR-6). */
export class Ephemeral {
  readonly #deps: EphemeralDeps;

  constructor(deps: EphemeralDeps) {
    this.#deps = deps;
    deps.broker.on("ephemeral", (message) => {
      const { room, type, frame, except } = message as Brought;
      this.#show(room, type, frame, except);
    });
  }

  /** @param except a person whose connections it passes by */
  publish<T extends FrameType>(room: string, type: T, payload: FramePayload<T>, except?: string): void {
    this.publishText(room, type, JSON.stringify(payload), except);
  }

  /** The same of a payload that is JSON text already. */
  publishText(room: string, type: string, payload: string, except?: string): void {
    const frame = encodeText(type, payload);
    this.#show(room, type, frame, except);
    this.#deps.broker.send("ephemeral", { room, type, frame, except } satisfies Brought);
  }

  #show(name: string, type: string, frame: string, except: string | undefined): void {
    const { connections, rooms, sender, fanOut } = this.#deps;
    if (name === "all") {
      for (const connection of [...connections.open])
        if (except === undefined || connection.caller.kind !== "user" || connection.caller.userId !== except)
          sender.send(connection, type, frame);
    } else if (roomKind(name) === "user") {
      for (const connection of rooms.people.of(roomId(name))) sender.send(connection, type, frame);
      if ((rooms.get(name)?.members ?? 0) > 0) fanOut.publish(name, frame);
    } else this.#showExcept(name, type, frame, except);
  }

  /** That person's sockets leave the topic and are in it again within the tick: exactly this frame passes them by. */
  #showExcept(name: string, type: string, frame: string, except: string | undefined): void {
    const { rooms, fanOut } = this.#deps;
    const room = rooms.get(name);
    if (room === undefined || room.members === 0) return;
    const passed = except === undefined ? [] : rooms.people.of(except).filter((c) => c.isIn(room));
    for (const { socket } of passed) socket?.unsubscribe(name);
    fanOut.show(room, type, frame);
    for (const { socket } of passed) socket?.subscribe(name);
  }
}
