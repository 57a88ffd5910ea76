import type { Gathered } from "./broker.ts";
import type { Line } from "./message.ts";

export interface QuestionsDeps {
  /** This node's number. */
  node: () => number;
  /** The numbers of all living nodes. */
  living: () => readonly number[];
  connected: () => boolean;
  /** To an mailbox; null: everybody. */
  send: (to: string | null, line: Line) => void;
}

/** Questions that may be open at a time; beyond it only this node itself is asked. */
const MOST_OPEN = 10_000;
const NONE = Symbol("no answer");

interface Open {
  silent: Set<number>;
  answers: unknown[];
  partial: boolean;
  done: () => void;
}

/** Asks all nodes and puts their answers together. */
export class Questions {
  readonly #deps: QuestionsDeps;
  readonly #handlers = new Map<string, (payload: unknown) => unknown>();
  readonly #open = new Map<string, Open>();
  #count = 0;

  constructor(deps: QuestionsDeps) {
    this.#deps = deps;
  }

  answer(question: string, handler: (payload: unknown) => unknown): void {
    if (this.#handlers.has(question)) throw new Error(`two parts answer the question "${question}"`);
    this.#handlers.set(question, handler);
  }

  async gather<T>(question: string, payload: unknown, timeout: number): Promise<Gathered<T>> {
    const { node, living, connected, send } = this.#deps;
    const silent = new Set(living());
    silent.delete(node());
    const own = this.#own(question, payload);
    const reachable = connected() && this.#open.size < MOST_OPEN;
    const open: Open = { silent, answers: [], partial: silent.size > 0 && !reachable, done: () => {} };
    if (silent.size > 0 && reachable) {
      const id = String(++this.#count);
      const all = new Promise<void>((resolve) => {
        open.done = resolve;
      });
      this.#open.set(id, open);
      send(null, { what: "question", id, question, payload: json(payload) });
      const timer = setTimeout(open.done, timeout);
      await all;
      clearTimeout(timer);
      this.#open.delete(id);
      open.partial ||= silent.size > 0;
    }
    const mine = await own;
    if (mine === NONE) open.partial = true;
    else open.answers.unshift(mine);
    return { answers: open.answers as T[], partial: open.partial };
  }

  async asked(mailbox: string, id: string, question: string, payload: unknown): Promise<void> {
    const answer = await this.#own(question, payload);
    this.#deps.send(mailbox, { what: "answer", id, payload: answer === NONE ? null : json(answer) });
  }

  answered(node: number, id: string, payload: string | null): void {
    const open = this.#open.get(id);
    if (open === undefined || !open.silent.delete(node)) return;
    if (payload === null) open.partial = true;
    else open.answers.push(JSON.parse(payload));
    if (open.silent.size === 0) open.done();
  }

  /** A part that fails to answer makes the answer partial, here as on another node. */
  async #own(question: string, payload: unknown): Promise<unknown> {
    const handler = this.#handlers.get(question);
    if (handler === undefined) return NONE;
    try {
      return await handler(payload);
    } catch {
      return NONE;
    }
  }
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}
