import type { CommandId, CommandPayload, CommandType, Frame } from "../protocol/frames.ts";
import type { Environment, Timer } from "./environment.ts";
import { parseFrameCode, UsherError } from "./errors.ts";

/** Both run in the same turn in which the reply arrives, before the next frame is handled. */
interface Pending {
  onReply: (frame: Frame) => void;
  onError: (error: UsherError) => void;
  timer: Timer;
}

const TIMEOUT_MS = 15_000;

/** Commands that wait for their reply. Each one ends exactly once: with a result, an error, a timeout or a lost connection. */
export class Commands {
  readonly #environment: Environment;
  readonly #transmit: (text: string) => boolean;
  readonly #pending = new Map<CommandId, Pending>();
  #lastId = 0;

  /** `transmit` returns whether there was a connection to send the text on. */
  constructor(environment: Environment, transmit: (text: string) => boolean) {
    this.#environment = environment;
    this.#transmit = transmit;
  }

  /** Sends a command. Returns its id, or null when there is no connection (then no callback is called). */
  send<T extends CommandType>(
    type: T,
    payload: CommandPayload<T>,
    onReply: (frame: Frame) => void,
    onError: (error: UsherError) => void,
  ): CommandId | null {
    this.#lastId += 1;
    const id = this.#lastId;
    if (!this.#transmit(JSON.stringify({ type, id, payload }))) return null;
    const timer = this.#environment.setTimer(() => {
      this.#pending.delete(id);
      onError(new UsherError("timeout", "The server did not respond in time.", { retry: true }));
    }, TIMEOUT_MS);
    this.#pending.set(id, { onReply, onError, timer });
    return id;
  }

  /** The same, as a promise of the reply; rejects with UsherError. */
  call<T extends CommandType>(type: T, payload: CommandPayload<T>): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const id = this.send(type, payload, resolve, reject);
      if (id === null) reject(new UsherError("offline", "There is no connection.", { retry: true }));
    });
  }

  /** Hands a reply to its command. False: no command waits for it. */
  handleReply(frame: Frame): boolean {
    if (frame.id === undefined) return false;
    const pending = this.#pending.get(frame.id);
    if (!pending) return false;
    this.#pending.delete(frame.id);
    this.#environment.clearTimer(pending.timer);
    if (frame.type === "system:error") {
      const { code, message, retry } = frame.payload;
      pending.onError(new UsherError(parseFrameCode(code), message, { retry }));
    } else {
      pending.onReply(frame);
    }
    return true;
  }

  /** The connection is lost: pending commands get no reply, and may or may not have been executed. */
  failAll(): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { onError, timer } of pending) {
      this.#environment.clearTimer(timer);
      onError(new UsherError("disconnected", "The connection was lost before the response came.", { retry: true }));
    }
  }
}
