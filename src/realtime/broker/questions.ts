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
  /** Living nodes that have not answered yet, and all that have. */
  silent: Set<number>;
  heard: Set<number>;
  answers: unknown[];
  partial: boolean;
  done: () => void;
}

/** Asks all nodes and puts their answers together. */
export class Questions {
  readonly #deps: QuestionsDeps;
  readonly #handlers = new Map<string, (payload: unknown) => unknown>();
  readonly #open = new Map<string, Open>();
  /**
   * Nodes that let a question's time pass. Nobody waits for them until something is heard of them: else one node that died would
   * make every answer late until the registry has noticed.
   */
  readonly #mute = new Set<number>();
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
    const heard = new Set<number>();
    const open: Open = { silent, heard, answers: [], partial: silent.size > 0 && !reachable, done: () => {} };
    if (silent.size > 0 && reachable) {
      const id = String(++this.#count);
      const all = new Promise<void>((resolve) => {
        open.done = resolve;
      });
      this.#open.set(id, open);
      send(null, { what: "question", id, question, payload: json(payload) });
      const timer = setTimeout(() => {
        for (const late of silent) this.#mute.add(late);
        open.done();
      }, timeout);
      this.#finish(open);
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

  /** Something came from that node: it may be waited for. */
  heard(node: number): void {
    this.#mute.delete(node);
  }

  /** Also of a node that the registry does not tell of yet: who has just come counts, too. Each counts once. */
  answered(node: number, id: string, payload: string | null): void {
    const open = this.#open.get(id);
    if (open === undefined || open.heard.has(node)) return;
    open.heard.add(node);
    open.silent.delete(node);
    if (payload === null) open.partial = true;
    else open.answers.push(JSON.parse(payload));
    this.#finish(open);
  }

  #finish({ silent, done }: Open): void {
    for (const node of silent) if (!this.#mute.has(node)) return;
    done();
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
