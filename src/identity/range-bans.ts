import { AddressRanges, parseRange } from "../platform/address-ranges.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { InternalRoom } from "../realtime/index.ts";
import type { Parts } from "./parts.ts";
import { bannedRanges } from "./store/bans.ts";

const ROOM: InternalRoom = "_bans";
const AGAIN_MS = 1_000;

/** Another range is banned, or one no longer: all nodes read them again, at once here, within a second elsewhere. */
export function tellRangesChanged(tx: Tx): void {
  tx.log(ROOM, "ranges:changed", {});
}

/** The banned ranges of addresses, in memory: every door asks before it does anything else. */
export class RangeBans {
  readonly #parts: Pick<Parts, "sql" | "realtime" | "logger" | "now">;
  #ranges = new AddressRanges([]);
  #reading: Promise<void> | null = null;
  #readAgain = false;

  constructor(parts: Pick<Parts, "sql" | "realtime" | "logger" | "now">) {
    this.#parts = parts;
  }

  /** Reads them, and follows their changes. */
  async start(): Promise<void> {
    await this.#read();
    const follow = () => this.#follow();
    this.#parts.realtime.watch(ROOM, { entry: follow, interrupted: follow });
    follow(); // what changed since that read; one read at a time, so that an older one never comes last
  }

  /** Resolves when the changes that this node has heard of are in force here. */
  async settled(): Promise<void> {
    await this.#reading;
  }

  isBanned(address: string): boolean {
    return this.#ranges.has(address, this.#parts.now());
  }

  /** However many changes come at once, they are read once more, after the last. */
  #follow(): void {
    this.#readAgain = true;
    this.#reading ??= this.#readAll();
  }

  async #readAll(): Promise<void> {
    while (this.#readAgain) {
      this.#readAgain = false;
      try {
        await this.#read();
      } catch (error) {
        this.#parts.logger.error({ err: error }, "the banned addresses could not be read; tried again");
        this.#readAgain = true;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
      }
    }
    this.#reading = null;
  }

  async #read(): Promise<void> {
    const { sql, realtime } = this.#parts;
    const rows = await bannedRanges(sql);
    this.#ranges = new AddressRanges(
      rows.map(({ ip_range, until }) => ({
        range: parseRange(ip_range)!,
        until: until?.getTime() ?? Number.POSITIVE_INFINITY,
      })),
    );
    if (rows.length > 0) realtime.closeFrom((address) => this.isBanned(address), "banned");
  }
}
