import type { LogReader } from "../../platform/log/reader.ts";
import { encode } from "../connections/encode-frame.ts";
import type { HubLogger, HubMetrics } from "../deps.ts";
import { GAP_TIMEOUT_MS } from "../limits/fixed-limits.ts";
import type { Room } from "../rooms/room.ts";

export interface RepairDeps {
  log: LogReader;
  metrics: HubMetrics;
  logger: HubLogger;
  epoch: () => string;
  /** False: the room was deleted, and there may be a new one with its name. */
  isOpen: (room: Room) => boolean;
  /** To all members of the room. */
  broadcast: (room: Room, type: string, frame: string) => void;
  /** Entries of this room were skipped. */
  onSkipped: (room: Room) => void;
}

const RETRY_MS = 1_000;

/** Reads from the log what rooms miss: entries whose publish was lost, late, or never made because a commit's response was lost. */
export class Repair {
  readonly #deps: RepairDeps;
  readonly #roomsWithGaps = new Set<Room>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(deps: RepairDeps) {
    this.#deps = deps;
  }

  /** Most missing entries arrive by themselves within GAP_TIMEOUT_MS: only then they are read. */
  scheduleFill(room: Room): void {
    this.#roomsWithGaps.add(room);
    this.#arm(GAP_TIMEOUT_MS);
  }

  /** Reads the heads of these rooms: finds entries that were neither published nor announced. */
  async compareHeads(rooms: Iterable<Room>): Promise<void> {
    const positioned = [...rooms].filter((room) => room.isPositioned);
    const heads = await this.#deps.log.heads(positioned.map(({ name }) => name));
    for (const room of positioned) room.setHead(0, heads.get(room.name) ?? 0);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#roomsWithGaps.clear();
  }

  #arm(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const rooms = [...this.#roomsWithGaps];
      this.#roomsWithGaps.clear();
      for (const room of rooms) void this.#fill(room);
    }, ms);
  }

  async #fill(room: Room): Promise<void> {
    if (!room.hasGap || !this.#deps.isOpen(room)) return;
    // A pending join will read the position; otherwise the first buffered entry is the first one.
    if (!room.isPositioned) {
      if (room.pendingJoins === null) room.acceptBuffered();
      return;
    }
    const since = room.next - 1;
    const announced = room.highest;
    const bufferedSeqs = room.bufferedSeqs;
    try {
      const slice = await this.#deps.log.slice(room.name, since);
      if (!this.#deps.isOpen(room)) return;
      if (slice.complete) {
        this.#deps.metrics.filled(slice.entries.filter(({ seq }) => seq >= room.next).length);
        for (const entry of slice.entries) room.ingest(entry);
      } else if (slice.head > since) this.#skipToHead(room, slice.head);
      // Entries are announced after their commit, so a read that was sent later must have them.
      if (slice.head < announced) {
        this.#deps.logger.error(
          { room: room.name, head: slice.head, announced },
          "entries of a room were announced that its log does not have",
        );
        room.dropBuffered(bufferedSeqs, slice.head, announced);
      }
      if (room.hasGap) this.scheduleFill(room);
    } catch (error) {
      this.#deps.logger.warn({ err: error, room: room.name }, "missing entries could not be read, retrying");
      this.#roomsWithGaps.add(room);
      this.#arm(RETRY_MS);
    }
  }

  /** Too much is missing, or it is no longer in the log: the members are told to reload the state (SPEC RC-6). */
  #skipToHead(room: Room, head: number): void {
    if (head < room.next) return;
    const payload = { room: room.name, seq: head, epoch: this.#deps.epoch(), recovered: false, members: room.members };
    this.#deps.broadcast(room, "room:joined", encode("room:joined", payload));
    room.skipTo(head + 1);
    this.#deps.onSkipped(room);
  }
}
