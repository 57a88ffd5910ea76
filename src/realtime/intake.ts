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
    const { metrics, traffic, heartbeat, sender, taps } = this.#deps;
    if (connection.cutAt > 0) return;
    this.alive(connection);
    if (!traffic.take(connection, frame)) heartbeat.close(connection, "flood");
    else if (typeof frame !== "string") {
      metrics.received("other");
      sender.error(connection, "malformed", "Send text frames, not binary ones.");
    } else {
      if (taps.active) taps.received(connection, frame);
      connection.inbox ??= new Inbox(connection, this.#take);
      if (!connection.inbox.push(frame)) heartbeat.close(connection, "flood");
    }
  }

  alive(connection: Connection): void {
    const { rate, burst } = this.#deps.limits;
    connection.seen(performance.now(), rate, burst);
  }
}
