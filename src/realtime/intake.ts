import type { Connection } from "./connection.ts";
import type { HubLimits, HubMetrics } from "./deps.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { Inbox, type Take } from "./inbox.ts";
import type { Sender } from "./sender.ts";
import type { Taps } from "./taps.ts";
import type { Traffic } from "./traffic.ts";

export interface IntakeDeps {
  limits: HubLimits;
  metrics: HubMetrics;
  traffic: Traffic;
  heartbeat: Heartbeat;
  sender: Sender;
  taps: Taps;
  dispatch: Dispatch;
}

/** What clients send: a sign of life, and a frame for the connection's inbox unless it sends too much (SPEC SL-4). */
export class Intake {
  readonly #deps: IntakeDeps;
  readonly #take: Take;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
    this.#take = (connection, frame, accepted) => deps.dispatch.take(connection, frame, accepted);
  }

  received(connection: Connection, frame: string | Uint8Array): void {
    if (!this.count(connection, frame)) return;
    const { metrics, sender } = this.#deps;
    if (typeof frame === "string") this.command(connection, frame);
    else {
      metrics.received("other");
      sender.error(connection, "malformed", "Send text frames, not binary ones.");
    }
  }

  /** A sign of life, and one frame more, before anybody looks at it. False: it is too much, and the connection is closed. */
  count(connection: Connection, frame: string | Uint8Array): boolean {
    if (connection.cutAt > 0) return false;
    this.alive(connection);
    if (this.#deps.traffic.take(connection, frame)) return true;
    this.#deps.heartbeat.close(connection, "flood");
    return false;
  }

  /** A command that was counted, or that a door has made of what was. */
  command(connection: Connection, frame: string): void {
    if (connection.cutAt > 0) return;
    const { heartbeat, taps } = this.#deps;
    if (taps.active) taps.received(connection, frame);
    connection.inbox ??= new Inbox(connection, this.#take);
    if (!connection.inbox.push(frame)) heartbeat.close(connection, "flood");
  }

  alive(connection: Connection): void {
    const { rate, burst } = this.#deps.limits;
    connection.seen(performance.now(), rate, burst);
  }
}
