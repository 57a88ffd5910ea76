import type { LogEntry } from "../../src/platform/log/entry.ts";
import type { Sql } from "../../src/platform/postgres/sql.ts";

/** One entry of a test's load: its payload is `{"id": …}` with a unique id. */
export interface Appended {
  room: string;
  seq: number;
  id: string;
}

export function entryId(payload: string): string {
  return String((JSON.parse(payload) as { id: unknown }).id);
}

/** Checks what a log consumer is called with, and counts what must never happen. */
export class LogObserver {
  readonly first = new Map<string, number>();
  readonly last = new Map<string, number>();
  readonly ids = new Map<string, string>();
  /** Entries that came after a later one of their room, or over a hole. */
  outOfOrder = 0;
  repeated = 0;
  seen = 0;

  observe(entries: Iterable<LogEntry>): void {
    for (const { room, seq, payload } of entries) {
      const key = `${room} ${seq}`;
      this.seen++;
      if (this.ids.has(key)) this.repeated++;
      this.ids.set(key, entryId(payload));
      const last = this.last.get(room);
      if (last === undefined) this.first.set(room, seq);
      else if (seq !== last + 1) this.outOfOrder++;
      this.last.set(room, Math.max(last ?? 0, seq));
    }
  }

  /** True when the newest entry of every room was delivered. */
  isAtHead(heads: ReadonlyMap<string, number>): boolean {
    for (const [room, head] of heads) if ((this.last.get(room) ?? 0) < head) return false;
    return true;
  }

  /** How many of the entries to deliver were not delivered. */
  countMissed(expected: Iterable<Appended>): number {
    let missed = 0;
    for (const { room, seq, id } of expected) if (this.ids.get(`${room} ${seq}`) !== id) missed++;
    return missed;
  }
}

/** The whole log as the database has it, each room in order of seq. */
export async function readWholeLog(sql: Sql): Promise<(Appended & { at: number })[]> {
  const rows = await sql<{ room: string; seq: number; payload: string; at: number }[]>`
    SELECT r.name AS room, l.seq::float8, l.payload, extract(epoch FROM l.at)::float8 AS at
    FROM log l JOIN rooms r ON r.id = l.room_id ORDER BY r.name, l.seq`;
  return rows.map(({ room, seq, payload, at }) => ({ room, seq, id: entryId(payload), at }));
}

export async function readHeads(sql: Sql): Promise<Map<string, number>> {
  const rows = await sql<{ name: string; head: number }[]>`SELECT name, head::float8 FROM rooms`;
  return new Map(rows.map(({ name, head }) => [name, head]));
}

/**
 * What is wrong with a log, as sentences; none when all is well. Every room runs 1 … head without a hole, time never runs
 * backwards in it, no id is there twice, every acknowledged entry is at its position, and nothing is there that was not written.
 * @param doubtful whether the writer of this id never learnt the outcome: it may be there or not
 */
export function findFaults(
  log: readonly (Appended & { at: number })[],
  heads: ReadonlyMap<string, number>,
  acknowledged: readonly Appended[],
  doubtful: (id: string) => boolean = () => false,
): string[] {
  const faults: string[] = [];
  const last = new Map<string, { seq: number; at: number }>();
  const positions = new Map<string, string>();
  for (const { room, seq, id, at } of log) {
    const before = last.get(room) ?? { seq: 0, at: 0 };
    if (seq !== before.seq + 1) faults.push(`${room}: ${seq} comes after ${before.seq}`);
    if (at < before.at) faults.push(`${room}: ${seq} is older than ${before.seq}`);
    if (positions.has(id)) faults.push(`${id} is at ${positions.get(id)} and at ${room} ${seq}`);
    positions.set(id, `${room} ${seq}`);
    last.set(room, { seq, at });
  }
  for (const [room, head] of heads) {
    if (head !== (last.get(room)?.seq ?? 0))
      faults.push(`${room}: the head is ${head}, the last ${last.get(room)?.seq}`);
  }
  for (const { room, seq, id } of acknowledged) {
    if (positions.get(id) !== `${room} ${seq}`)
      faults.push(`${id} was given ${room} ${seq} but is at ${positions.get(id)}`);
    positions.delete(id);
  }
  for (const [id, position] of positions)
    if (!doubtful(id)) faults.push(`${id} is at ${position} but was not acknowledged`);
  return faults;
}
