import type { z } from "zod";
import { COMMANDS, type CommandId, type CommandPayload, type CommandType, Envelope } from "../../../protocol/frames.ts";
import { runWithContext } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { describeIssue } from "../../platform/http/validation-error.ts";
import { checkJsonBounds } from "../../platform/json-bounds.ts";
import { toAppError } from "../../platform/postgres/database-errors.ts";
import { NO_TRACING, type Tracing } from "../../platform/tracing.ts";
import type { HubLogger, HubMetrics } from "../deps.ts";
import type { CommandHandler } from "../index.ts";
import { MAX_FRAME_VALUES } from "../limits/fixed-limits.ts";
import type { Connection } from "./connection.ts";
import { encode } from "./encode-frame.ts";
import type { FrameSender } from "./frame-sender.ts";

/** A command of the hub itself: it sends its own reply. Undefined: done. */
export type HubCommand<T extends CommandType> = (
  connection: Connection,
  payload: CommandPayload<T>,
  id: CommandId | undefined,
) => Promise<void> | undefined;

interface Command {
  type: CommandType;
  run(
    connection: Connection,
    payload: unknown,
    id: CommandId | undefined,
    accepted: () => void,
  ): Promise<void> | undefined;
}

/** Passes a client's command to the handler of its type, and sends exactly one reply (SPEC FR, ER). */
export class CommandDispatcher {
  readonly #commands = new Map<string, Command>();
  readonly #sender: FrameSender;
  readonly #metrics: HubMetrics;
  readonly #logger: HubLogger;

  readonly #tracing: Tracing;
  readonly #formatId: (connection: Connection) => string;

  /** @param formatId a connection's id, for the log */
  constructor(
    sender: FrameSender,
    metrics: HubMetrics,
    logger: HubLogger,
    tracing: Tracing = NO_TRACING,
    formatId: (connection: Connection) => string = ({ id }) => String(id),
  ) {
    this.#tracing = tracing;
    this.#formatId = formatId;
    this.#sender = sender;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** A module's command: what the handler resolves to is the ack. */
  readonly register = <T extends CommandType>(type: T, handler: CommandHandler<T>): void => {
    this.#add(type, async (connection, payload, id, accepted) => {
      const reply = await handler({ caller: connection.caller, payload, accepted });
      if (id !== undefined) this.#sender.send(connection, "system:ack", encode("system:ack", reply ?? {}, id));
    });
  };

  registerHubCommand<T extends CommandType>(type: T, run: HubCommand<T>): void {
    this.#add(type, run);
  }

  #add<T extends CommandType>(
    type: T,
    run: (
      c: Connection,
      payload: CommandPayload<T>,
      id: CommandId | undefined,
      accepted: () => void,
    ) => Promise<void> | undefined,
  ): void {
    if (this.#commands.has(type)) throw new Error(`two handlers for "${type}"`);
    const schema = COMMANDS[type];
    this.#commands.set(type, {
      type,
      run: (connection, payload, id, accepted) => run(connection, parsePayload<T>(schema, payload), id, accepted),
    });
  }

  /** Handles one frame; undefined: done. Never throws, never rejects. */
  dispatch(connection: Connection, text: string, accepted: () => void): Promise<void> | undefined {
    const parsed = parseFrame(text);
    if ("error" in parsed) {
      this.#metrics.received("other");
      this.#sender.sendError(connection, parsed.error, parsed.detail, parsed.id);
      return;
    }
    const { type, id, payload, traceparent } = parsed.frame;
    const command = this.#commands.get(type);
    if (command === undefined) {
      this.#metrics.received("other");
      if (id !== undefined) this.#sender.sendError(connection, "unknown_type", undefined, id);
      return;
    }
    this.#metrics.received(command.type);
    const span = this.#tracing.begin(command.type, traceparent, { "usher.transport": "websocket" });
    return runWithContext({ connection_id: this.#formatId(connection), span }, () => {
      try {
        const done = command.run(connection, payload, id, accepted)?.catch((error) => {
          span?.recordError(error);
          this.#fail(connection, command, id, error);
        });
        if (span === null) return done;
        if (done === undefined) span.end();
        return done?.finally(() => span.end());
      } catch (error) {
        span?.recordError(error);
        span?.end();
        this.#fail(connection, command, id, error);
      }
    });
  }

  #fail(connection: Connection, command: Command, id: CommandId | undefined, thrown: unknown): void {
    const error = toAppError(thrown);
    if (error instanceof AppError) {
      if (error !== thrown)
        this.#logger.warn({ err: thrown, type: command.type }, "a command could not be done just now");
      this.#sender.sendError(connection, error.code, error.message, id);
    } else {
      this.#logger.error({ err: error, type: command.type, connection: connection.id }, "a command failed");
      this.#sender.sendError(connection, "internal", undefined, id);
    }
  }
}

/** The payload by the command's schema. Throws AppError `invalid` that names the first wrong field. */
function parsePayload<T extends CommandType>(schema: (typeof COMMANDS)[T], payload: unknown): CommandPayload<T> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data as CommandPayload<T>;
  const [issue] = result.error.issues;
  const where = `payload${(issue?.path ?? []).map((key) => `.${String(key)}`).join("")}`;
  throw new AppError("invalid", issue === undefined ? where : `${where}: ${describeIssue(issue)}`);
}

export type ParsedFrame =
  | { frame: z.infer<typeof Envelope> }
  | { error: "malformed" | "invalid"; detail: string; id?: number | string };

/** Parses a client's text to a frame, whose type and payload are not checked yet, or returns the error (SPEC ER-2, ER-3). */
export function parseFrame(text: string): ParsedFrame {
  const bounds = checkJsonBounds(text, MAX_FRAME_VALUES);
  if (bounds !== null) return { error: "malformed", detail: bounds };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: "malformed", detail: "Send one JSON document per frame." };
  }
  const envelope = Envelope.safeParse(value);
  if (envelope.success) return { frame: envelope.data };
  const id = Envelope.pick({ id: true }).safeParse(value).data?.id;
  return {
    error: "invalid",
    detail: 'A frame is {"type": "…", "payload": {…}}, with an id if you want a reply.',
    id,
  };
}
