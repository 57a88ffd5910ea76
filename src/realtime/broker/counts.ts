/** What a broker counts from its start on, for the metrics. */
export interface BrokerCounts {
  messagesOut: number;
  bytesOut: number;
  messagesIn: number;
  bytesIn: number;
  /** Messages that were not sent, or not taken, by reason. */
  dropped: Record<DropReason, number>;
}

/**
 * away: no connection; slow: too much is under way of which nobody knows whether it arrives; malformed: not a message of ours;
 * foreign: of another life of the database.
 */
export type DropReason = "away" | "slow" | "malformed" | "foreign";

export function createCounts(): BrokerCounts {
  const dropped = { away: 0, slow: 0, malformed: 0, foreign: 0 };
  return { messagesOut: 0, bytesOut: 0, messagesIn: 0, bytesIn: 0, dropped };
}
