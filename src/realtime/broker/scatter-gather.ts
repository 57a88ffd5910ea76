import type { Gathered } from "./broker.ts";
import type { Line } from "./message.ts";

export interface ScatterGatherDeps {
  /** This node's number. */
  node: () => number;
  /** The numbers of all live nodes. */
  liveNodes: () => readonly number[];
  isConnected: () => boolean;
  /** To an instance id; null: all nodes. */
  send: (to: string | null, line: Line) => void;
}

const REPLY_TIMEOUT_MS = 250;
/** Requests that may be open at a time; above it only this node itself replies. */
const MAX_OPEN = 10_000;
const NO_REPLY = Symbol("no reply");

interface OpenRequest {
  /** Live nodes that have not replied yet, and all that have. */
  pending: Set<number>;
  replied: Set<number>;
  replies: unknown[];
  partial: boolean;
  done: () => void;
}

/** Sends requests to all nodes and collects their replies. */
export class ScatterGather {
  readonly #deps: ScatterGatherDeps;
  readonly #handlers = new Map<string, (payload: unknown) => unknown>();
  readonly #open = new Map<string, OpenRequest>();
  /**
   * Nodes that did not reply within a request's timeout. They are not waited for until something comes from them: else one dead
   * node would delay every result until the registry has noticed.
   */
  readonly #unresponsive = new Set<number>();
  #count = 0;

  constructor(deps: ScatterGatherDeps) {
    this.#deps = deps;
  }

  readonly onRequest = (name: string, handler: (payload: unknown) => unknown): void => {
    if (this.#handlers.has(name)) throw new Error(`two handlers for the request "${name}"`);
    this.#handlers.set(name, handler);
  };

  /** @param timeout ms */
  readonly gather = async <T>(name: string, payload: unknown, timeout = REPLY_TIMEOUT_MS): Promise<Gathered<T>> => {
    const { node, liveNodes, isConnected, send } = this.#deps;
    const pending = new Set(liveNodes());
    pending.delete(node());
    const own = this.#replyLocally(name, payload);
    const isSent = pending.size > 0 && isConnected() && this.#open.size < MAX_OPEN;
    const replied = new Set<number>();
    const open: OpenRequest = {
      pending,
      replied,
      replies: [],
      partial: pending.size > 0 && !isSent,
      done: () => {},
    };
    if (isSent) {
      const id = String(++this.#count);
      const all = new Promise<void>((resolve) => {
        open.done = resolve;
      });
      this.#open.set(id, open);
      send(null, { kind: "request", id, name, payload: encodeJson(payload) });
      const timer = setTimeout(() => {
        for (const late of pending) this.#unresponsive.add(late);
        open.done();
      }, timeout);
      this.#finish(open);
      await all;
      clearTimeout(timer);
      this.#open.delete(id);
      open.partial ||= pending.size > 0;
    }
    const ownReply = await own;
    if (ownReply === NO_REPLY) open.partial = true;
    else open.replies.unshift(ownReply);
    return { replies: open.replies as T[], partial: open.partial };
  };

  async handleRequest(instanceId: string, id: string, name: string, payload: unknown): Promise<void> {
    const reply = await this.#replyLocally(name, payload);
    this.#deps.send(instanceId, { kind: "reply", id, payload: reply === NO_REPLY ? null : encodeJson(reply) });
  }

  /** Something came from that node: requests wait for it again. */
  markResponsive(node: number): void {
    this.#unresponsive.delete(node);
  }

  /** Also from a node that the registry does not list yet: a new node counts, too. Each counts once. */
  handleReply(node: number, id: string, payload: string | null): void {
    const open = this.#open.get(id);
    if (open === undefined || open.replied.has(node)) return;
    open.replied.add(node);
    open.pending.delete(node);
    if (payload === null) open.partial = true;
    else open.replies.push(JSON.parse(payload));
    this.#finish(open);
  }

  #finish({ pending, done }: OpenRequest): void {
    for (const node of pending) if (!this.#unresponsive.has(node)) return;
    done();
  }

  /** A handler that fails makes the result partial, here as on another node. */
  async #replyLocally(name: string, payload: unknown): Promise<unknown> {
    const handler = this.#handlers.get(name);
    if (handler === undefined) return NO_REPLY;
    try {
      return await handler(payload);
    } catch {
      return NO_REPLY;
    }
  }
}

function encodeJson(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}
