import type { CloseReason } from "../../protocol/codes.ts";
import type { Caller, UserCaller } from "../platform/caller.ts";
import type { Connections } from "./connections.ts";
import type { HubLimits } from "./deps.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { LongAnswers } from "./long-answers.ts";
import type { People } from "./people.ts";
import { spreadOf } from "./spread.ts";

/** Ends connections and long answers of this node, by caller or address. */
export class Closing {
  readonly #connections: Connections;
  readonly #people: People;
  readonly #heartbeat: Heartbeat;
  readonly #longAnswers: LongAnswers;
  readonly #limits: HubLimits;

  constructor(
    connections: Connections,
    people: People,
    heartbeat: Heartbeat,
    longAnswers: LongAnswers,
    limits: HubLimits,
  ) {
    this.#limits = limits;
    this.#connections = connections;
    this.#people = people;
    this.#heartbeat = heartbeat;
    this.#longAnswers = longAnswers;
  }

  session(sessionId: string, reason: CloseReason): void {
    this.#longAnswers.endSession(sessionId, reason);
    for (const connection of [...this.#connections.open]) {
      if (connection.caller.kind === "user" && connection.caller.sessionId === sessionId)
        this.#heartbeat.close(connection, reason);
    }
  }

  /** A person's whose callers match. */
  user(userId: string, reason: CloseReason, matches: (caller: UserCaller) => boolean): void {
    this.#longAnswers.endUser(userId, reason, matches);
    for (const connection of this.#people.of(userId)) {
      const { caller } = connection;
      if (caller.kind === "user" && matches(caller)) this.#heartbeat.close(connection, reason);
    }
  }

  connection(id: number, reason: CloseReason): void {
    const connection = this.#connections.find(id);
    if (connection !== undefined) this.#heartbeat.close(connection, reason);
  }

  /** Those whose address, as `addressKey` says, matches. */
  from(matches: (address: string) => boolean, reason: CloseReason): void {
    this.#longAnswers.endFrom(matches, reason);
    for (const connection of [...this.#connections.open])
      if (matches(connection.address)) this.#heartbeat.close(connection, reason);
  }

  /** Those of whose callers it is true. */
  where(ends: (caller: Caller) => boolean, reason: CloseReason): void {
    this.#longAnswers.endOf(ends, reason);
    for (const connection of [...this.#connections.open])
      if (ends(connection.caller)) this.#heartbeat.close(connection, reason);
  }

  /** Everybody, on all nodes at once: they are told to come back over a time in which the nodes can take them. */
  all(reason: CloseReason): void {
    this.#longAnswers.endAll(reason);
    const { open } = this.#connections;
    const spread = spreadOf(open.length, this.#limits.handshakes);
    for (const connection of [...open]) this.#heartbeat.close(connection, reason, spread);
  }
}
