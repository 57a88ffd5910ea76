import { crc32 } from "node:zlib";
import type { Sql } from "../../src/platform/postgres/sql.ts";
import { encodeEntry } from "../../src/realtime/rooms/room.ts";

/** What one listener received of one room from one position on, as it was received. `marks`: a checksum of each frame. */
export interface Stretch {
  from: number;
  seqs: number[];
  marks: number[];
}

export interface View {
  who: string;
  room: string;
  stretches: Stretch[];
  /** The last seq that was seen; null before the first reply. */
  position: number | null;
  /** Whether frames of this room count: not before the reply to a join or resume. */
  flowing?: boolean;
}

/** The checksum of every frame that the log says there was: room → in order of seq, from 1. */
export type Truth = ReadonlyMap<string, readonly number[]>;

export interface Audit {
  deliveries: number;
  lost: number;
  repeated: number;
  disordered: number;
  /** Frames that differ from the log's entry at their position. */
  wrong: number;
  /** Resets: times that a listener had to start again, its first start not counted. */
  resets: number;
  /** The first twenty faults, a sentence each. */
  faults: string[];
}

export async function readTruth(sql: Sql): Promise<Truth> {
  const truth = new Map<string, number[]>();
  const rooms = await sql<{ id: string; name: string; head: number }[]>`
    SELECT id::text, name, head::float8 FROM rooms WHERE name NOT LIKE '\\_%'`;
  for (const { id, name, head } of rooms) {
    const rows = await sql<{ seq: number; type: string; payload: string }[]>`
      SELECT seq::float8, type, payload FROM log WHERE room_id = ${id}::bigint ORDER BY seq`;
    if (rows.length !== head || rows.some(({ seq }, n) => seq !== n + 1))
      throw new Error(`The log of ${name} is not dense: ${rows.length} rows, head ${head}.`);
    truth.set(
      name,
      rows.map((row) => crc32(encodeEntry({ room: name, ...row }))),
    );
  }
  return truth;
}

/** Holds what was seen against the log: nothing lost, twice, out of order or other than it was written, up to the head. */
export function audit(views: readonly View[], truth: Truth): Audit {
  const found: Audit = { deliveries: 0, lost: 0, repeated: 0, disordered: 0, wrong: 0, resets: 0, faults: [] };
  const fault = (kind: "lost" | "repeated" | "disordered" | "wrong", what: string) => {
    found[kind]++;
    if (found.faults.length < 20) found.faults.push(what);
  };
  for (const { who, room, stretches } of views) {
    const log = truth.get(room) ?? [];
    found.resets += Math.max(0, stretches.length - 1);
    for (const { from, seqs, marks } of stretches) {
      let last = from;
      found.deliveries += seqs.length;
      seqs.forEach((seq, n) => {
        if (seq === last) fault("repeated", `${who} in ${room}: ${seq} came twice`);
        else if (seq < last) fault("disordered", `${who} in ${room}: ${seq} came after ${last}`);
        else if (seq > last + 1) fault("lost", `${who} in ${room}: ${last + 1} to ${seq - 1} did not come`);
        if (log[seq - 1] !== marks[n]) fault("wrong", `${who} in ${room}: ${seq} is not what the log has`);
        last = Math.max(last, seq);
      });
    }
    const end = stretches.at(-1);
    const reached = end?.seqs.at(-1) ?? end?.from ?? 0;
    if (reached !== log.length) fault("lost", `${who} in ${room}: ends at ${reached}, the log at ${log.length}`);
  }
  return found;
}
