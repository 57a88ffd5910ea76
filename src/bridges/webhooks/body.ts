import type { Claim } from "./store/sending.ts";

/**
 * What is posted: `{type, timestamp, data: {room, seq, epoch, …payload}}`; a test event has no place in a room. Fields of a payload
 * that are called as these three give way. The same text at every attempt, unless a message was edited or deleted in between.
 */
export function bodyOf(
  event: Pick<Claim, "event_type" | "occurred_at" | "room" | "seq" | "epoch" | "payload">,
): string {
  const { event_type: type, occurred_at, room, seq, epoch } = event;
  const payload: object = JSON.parse(event.payload);
  const place = { room, seq, epoch };
  const data = room === null ? payload : Object.assign({ ...place }, payload, place);
  return JSON.stringify({ type, timestamp: occurred_at.toISOString(), data });
}
