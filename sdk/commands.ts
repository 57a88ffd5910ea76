import type { CommandId, CommandPayload, CommandType, Frame } from "../protocol/frames.ts";
import type { Environment, Timer } from "./environment.ts";
import { codeOfFrame, UsherError } from "./errors.ts";

/** Both run in the turn of the answer's arrival, before the next frame is looked at. */
interface Pending {
  answered: (frame: Frame) => void;
  failed: (error: UsherError) => void;
  timer: Timer;
}

const TIMEOUT = 15_000;

/** Commands that wait for their answer. Each one ends exactly once: answered, refused, timed out or cut off. */
export class Commands {
  readonly #environment: Environment;
  readonly #transmit: (text: string) => boolean;
  readonly #pending = new Map<CommandId, Pending>();
  #last = 0;

  /** `transmit` says whether there was a connection to hand the text to. */
  constructor(environment: Environment, transmit: (text: string) => boolean) {
    this.#environment = environment;
    this.#transmit = transmit;
  }

  /** Sends a command. Answers its id, or null when there is no connection (then nothing is called). */
  send<T extends CommandType>(
    type: T,
    payload: CommandPayload<T>,
    answered: (frame: Frame) => void,
    failed: (error: UsherError) => void,
  ): CommandId | null {
    this.#last += 1;
    const id = this.#last;
    if (!this.#transmit(JSON.stringify({ type, id, payload }))) return null;
    const timer = this.#environment.setTimer(() => {
      this.#pending.delete(id);
      failed(new UsherError("timeout", "The server did not answer in time.", { retry: true }));
    }, TIMEOUT);
    this.#pending.set(id, { answered, failed, timer });
    return id;
  }

  /** The same as a promise of the answer; rejects with UsherError. */
  call<T extends CommandType>(type: T, payload: CommandPayload<T>): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const id = this.send(type, payload, resolve, reject);
      if (id === null) reject(new UsherError("offline", "There is no connection.", { retry: true }));
    });
  }

  /** Gives a frame to the command that it answers. False: it answers none that still waits. */
  answer(frame: Frame): boolean {
    if (frame.id === undefined) return false;
    const pending = this.#pending.get(frame.id);
    if (!pending) return false;
    this.#pending.delete(frame.id);
    this.#environment.clearTimer(pending.timer);
    if (frame.type === "system:error") {
      const { code, message, retry } = frame.payload;
      pending.failed(new UsherError(codeOfFrame(code), message, { retry }));
    } else {
      pending.answered(frame);
    }
    return true;
  }

  /** The link is gone: what still waits will get no answer, and may or may not have been done. */
  cut(): void {
    const cut = [...this.#pending.values()];
    this.#pending.clear();
    for (const { failed, timer } of cut) {
      this.#environment.clearTimer(timer);
      failed(new UsherError("disconnected", "The connection broke before the answer came.", { retry: true }));
    }
  }
}
