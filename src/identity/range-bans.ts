import { AddressRanges, parseRange } from "../platform/address-ranges.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { InternalRoom } from "../realtime/index.ts";
import type { IdentityContext } from "./identity-context.ts";
import { findBannedRanges } from "./store/bans.ts";

const ROOM: InternalRoom = "_bans";
const RETRY_MS = 1_000;

/** A range was banned, or a ban was lifted: all nodes read them again, at once here, within a second elsewhere. */
export function emitRangesChanged(tx: Tx): void {
  tx.log(ROOM, "ranges:changed", {});
}

/** The banned ranges of addresses, in memory: every transport checks them before anything else. */
export class RangeBans {
  readonly #context: Pick<IdentityContext, "sql" | "realtime" | "logger" | "now">;
  #ranges = new AddressRanges([]);
  #reading: Promise<void> | null = null;
  #isStale = false;

  constructor(context: Pick<IdentityContext, "sql" | "realtime" | "logger" | "now">) {
    this.#context = context;
  }

  /** Reads them, and follows their changes. */
  async start(): Promise<void> {
    await this.#read();
    const refresh = () => this.#refresh();
    this.#context.realtime.watch(ROOM, { entry: refresh, interrupted: refresh });
    refresh(); // what changed since that read; one read at a time, so that an older one never ends last
  }

  /** Resolves when the changes that this node knows of are in force here. */
  async whenApplied(): Promise<void> {
    await this.#reading;
  }

  isBanned(address: string): boolean {
    return this.#ranges.has(address, this.#context.now());
  }

  /** Many changes at once cause one more read, after the last. */
  #refresh(): void {
    this.#isStale = true;
    this.#reading ??= this.#readUntilCurrent();
  }

  async #readUntilCurrent(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      try {
        await this.#read();
      } catch (error) {
        this.#context.logger.error({ err: error }, "the banned addresses could not be read; retrying");
        this.#isStale = true;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
    this.#reading = null;
  }

  async #read(): Promise<void> {
    const { sql, realtime } = this.#context;
    const rows = await findBannedRanges(sql);
    this.#ranges = new AddressRanges(
      rows.map(({ ip_range, until }) => ({
        range: parseRange(ip_range)!,
        until: until?.getTime() ?? Number.POSITIVE_INFINITY,
      })),
    );
    if (rows.length > 0) realtime.closeFrom((address) => this.isBanned(address), "banned");
  }
}
