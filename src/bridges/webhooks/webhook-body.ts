import { iterateMembers, mergeObjectTexts } from "../../platform/json-text.ts";
import type { Claim } from "./store/sending.ts";

/** Fields of `data` that are ours. */
const RESERVED_FIELDS = new Set(["room", "seq", "epoch"]);

/**
 * What is posted: `{type, timestamp, data: {room, seq, epoch, …payload}}`; a test delivery belongs to no room. Fields of a payload with
 * the names of these three are replaced; all else is as it was written. The same text at every attempt, unless a message was
 * edited or deleted in between.
 */
export function buildBody(
  claim: Pick<Claim, "event_type" | "occurred_at" | "room" | "seq" | "epoch" | "payload">,
): string {
  const { event_type: type, occurred_at, room, seq, epoch, payload } = claim;
  const data =
    room === null ? payload : mergeObjectTexts(JSON.stringify({ room, seq, epoch }), withoutReserved(payload));
  return mergeObjectTexts(JSON.stringify({ type, timestamp: occurred_at.toISOString() }), `{"data":${data}}`);
}

function withoutReserved(payload: string): string {
  const all = [...iterateMembers(payload)];
  const others = all.filter(([name]) => !RESERVED_FIELDS.has(name));
  if (others.length === all.length) return payload;
  return `{${others.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`;
}
