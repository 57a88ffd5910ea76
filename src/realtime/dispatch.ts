import { COMMANDS, type CommandId, type CommandPayload, type CommandType } from "../../protocol/frames.ts";
import { AppError } from "../platform/errors.ts";
import type { Connection } from "./connection.ts";
import { encode } from "./encode.ts";
import type { CommandHandler, HubLogger, HubMetrics } from "./index.ts";
import { parse } from "./parse.ts";
import type { Sender } from "./sender.ts";

/** A command of the hub itself: it writes its own answer. Undefined: done. */
export type OwnCommand<T extends CommandType> = (
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

/** From a client's text to the handler of its type, and back to exactly one answer (SPEC FR, ER). */
export class Dispatch {
  readonly #commands = new Map<string, Command>();
  readonly #sender: Sender;
  readonly #metrics: HubMetrics;
  readonly #logger: HubLogger;

  constructor(sender: Sender, metrics: HubMetrics, logger: HubLogger) {
    this.#sender = sender;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** A module's command: what the handler resolves to is the ack. */
  register<T extends CommandType>(type: T, handler: CommandHandler<T>): void {
    this.#add(type, async (connection, payload, id, accepted) => {
      const answer = await handler({ caller: connection.caller, payload, accepted });
      if (id !== undefined) this.#sender.send(connection, "system:ack", encode("system:ack", answer ?? {}, id));
    });
  }

  own<T extends CommandType>(type: T, run: OwnCommand<T>): void {
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
      run: (connection, payload, id, accepted) => run(connection, check<T>(schema, payload), id, accepted),
    });
  }

  /** Takes one frame; undefined: done. Never throws, never rejects. */
  take(connection: Connection, text: string, accepted: () => void): Promise<void> | undefined {
    const parsed = parse(text);
    if ("error" in parsed) {
      this.#metrics.received("other");
      this.#sender.error(connection, parsed.error, parsed.detail, parsed.id);
      return;
    }
    const { type, id, payload } = parsed.frame;
    const command = this.#commands.get(type);
    if (command === undefined) {
      this.#metrics.received("other");
      if (id !== undefined) this.#sender.error(connection, "unknown_type", undefined, id);
      return;
    }
    this.#metrics.received(command.type);
    try {
      return command
        .run(connection, payload, id, accepted)
        ?.catch((error) => this.#fail(connection, command, id, error));
    } catch (error) {
      this.#fail(connection, command, id, error);
    }
  }

  #fail(connection: Connection, command: Command, id: CommandId | undefined, error: unknown): void {
    if (error instanceof AppError) this.#sender.error(connection, error.code, error.message, id);
    else {
      this.#logger.error({ err: error, type: command.type, connection: connection.id }, "a command failed");
      this.#sender.error(connection, "internal", undefined, id);
    }
  }
}

/** The payload by the command's schema. Throws AppError `invalid` that names the first wrong field. */
function check<T extends CommandType>(schema: (typeof COMMANDS)[T], payload: unknown): CommandPayload<T> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data as CommandPayload<T>;
  const [issue] = result.error.issues;
  throw new AppError(
    "invalid",
    `payload${(issue?.path ?? []).map((key) => `.${String(key)}`).join("")}: ${issue?.message}`,
  );
}
