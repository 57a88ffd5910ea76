/** What a broker counts since its start, for the metrics. */
export interface BrokerCounts {
  messagesOut: number;
  bytesOut: number;
  messagesIn: number;
  bytesIn: number;
  /** Messages that were not sent, or not handled, by reason. */
  dropped: Record<DropReason, number>;
}

/**
 * away: no connection; slow: too many bytes are under way that no probe has confirmed; malformed: not a message of ours; foreign:
 * of another epoch.
 */
export type DropReason = "away" | "slow" | "malformed" | "foreign";

export function createCounts(): BrokerCounts {
  const dropped = { away: 0, slow: 0, malformed: 0, foreign: 0 };
  return { messagesOut: 0, bytesOut: 0, messagesIn: 0, bytesIn: 0, dropped };
}
