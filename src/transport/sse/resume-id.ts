import { createHash } from "node:crypto";

/**
 * The `id:` of an SSE event: where a client is in all rooms of its stream, for the epoch and the list of rooms that it belongs
 * to: `<epoch>.<list>.<seq>.<seq>…`. `<list>` is a short hash, each seq in base 36 at the index of its room in the list, `-` where
 * the stream is not in the room. Opaque to clients.
 */
export interface ResumePosition {
  epoch: string;
  seqs: (number | null)[];
}

/** The part of an id that stays the same for as long as the stream is open. */
export function formatPrefix(epoch: string, rooms: readonly string[]): string {
  return `${epoch}.${hashRooms(rooms)}`;
}

export function formatId(prefix: string, seqs: readonly (number | null)[]): string {
  let id = prefix;
  for (const seq of seqs) id += seq === null ? ".-" : `.${seq.toString(36)}`;
  return id;
}

/** Null when it is no id of ours, or of other rooms: then nothing is known of what the client has seen. */
export function parseId(id: string, rooms: readonly string[]): ResumePosition | null {
  const [epoch = "", list, ...seqs] = id.split(".");
  if (!/^[\w-]{1,32}$/.test(epoch) || list !== hashRooms(rooms) || seqs.length !== rooms.length) return null;
  if (!seqs.every((seq) => /^(-|[0-9a-z]{1,10})$/.test(seq))) return null;
  return { epoch, seqs: seqs.map((seq) => (seq === "-" ? null : Number.parseInt(seq, 36))) };
}

function hashRooms(rooms: readonly string[]): string {
  return createHash("sha256").update(rooms.join(",")).digest("base64url").slice(0, 6);
}
