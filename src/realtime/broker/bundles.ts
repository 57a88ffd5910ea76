import type { BrokerCounts } from "./counts.ts";
import { type Line, write } from "./message.ts";
import { cutUp } from "./pieces.ts";
import type { Wire } from "./wire.ts";

export interface BundlesDeps {
  wire: Wire;
  counts: BrokerCounts;
  /** The first line of the next message. */
  head: () => string;
  /** False: so much is under way already that this is dropped. */
  mayLeave: (bytes: number) => boolean;
}

/** More than a head and a piece's own words can take, in bytes. */
const HEAD_ROOM = 128;

interface Waiting {
  lines: string[];
  bytes: number;
}

/** Collects what is said within one turn of the event loop, so that it travels together. */
export class Bundles {
  readonly #deps: BundlesDeps;
  readonly #waiting = new Map<string | null, Waiting>();
  #armed = false;
  #pieces = 0;

  constructor(deps: BundlesDeps) {
    this.#deps = deps;
  }

  /** @param to an mailbox; null: everybody */
  add(to: string | null, line: Line): void {
    const most = this.#deps.wire.mostBytes - 2 * HEAD_ROOM;
    const text = write(line);
    const bytes = Buffer.byteLength(text) + 1;
    if (line.what === "entry" && (bytes > most || line.entry.payload.includes("\n"))) {
      const { room, seq } = line.entry;
      this.add(to, { what: "announcement", room, seq });
    } else if (bytes > most) {
      const pieces = cutUp(String(++this.#pieces), text, most);
      if (pieces === null) this.#deps.counts.dropped.slow++;
      for (const piece of pieces ?? []) this.add(to, piece);
    } else this.#put(to, text, bytes, most);
  }

  #put(to: string | null, text: string, bytes: number, most: number): void {
    let waiting = this.#waiting.get(to);
    if (waiting !== undefined && waiting.bytes + bytes > most) {
      this.#waiting.delete(to);
      this.#send(to, waiting);
      waiting = this.#waiting.get(to); // a probe may have come
    }
    if (waiting === undefined) {
      waiting = { lines: [], bytes: 0 };
      this.#waiting.set(to, waiting);
    }
    waiting.lines.push(text);
    waiting.bytes += bytes;
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#armed = false;
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const [to, waiting] of all) this.#send(to, waiting);
  }

  #send(to: string | null, { lines, bytes }: Waiting): void {
    const { wire, counts, head, mayLeave } = this.#deps;
    const dropped = !wire.connected() ? "away" : mayLeave(bytes) ? null : "slow";
    if (dropped === null && wire.send(to, `${head()}\n${lines.join("\n")}`)) {
      counts.messagesOut++;
      counts.bytesOut += bytes;
    } else counts.dropped[dropped ?? "away"]++;
  }
}
