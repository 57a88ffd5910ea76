import { createHash, createHmac, randomBytes } from "node:crypto";

const PREFIX = "whsec_";

/** A key of 256 bits, as Standard Webhooks writes one: `whsec_` and base64. */
export function newSecret(): string {
  return PREFIX + randomBytes(32).toString("base64");
}

/**
 * The id of a log entry for one endpoint: the same at every attempt and redelivery, so that receivers recognize a repeat. Hashed, since
 * room names may contain the full stop that separates the signed parts.
 */
export function webhookId(entry: { endpointId: string; epoch: string; room: string; seq: number }): string {
  const { endpointId, epoch, room, seq } = entry;
  const hash = createHash("sha256").update(`${endpointId} ${epoch} ${seq} ${room}`).digest("base64url");
  return `msg_${hash.slice(0, 27)}`;
}

/**
 * The headers of Standard Webhooks 1.0 for a body as it is sent, byte by byte.
 *
 * @param secrets each signs: one, or two during a rotation
 * @param now Unix time in ms
 */
export function signedHeaders(id: string, body: string, secrets: readonly string[], now: number) {
  const timestamp = String(Math.floor(now / 1_000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), "base64");
    return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}
