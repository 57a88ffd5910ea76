/** Everything about webhooks that could grow, and where it ends. */
export const LIMITS = {
  /** Of one server. With `perEndpoint` it bounds the attempts that one node has open: 1,000. */
  endpoints: 50,
  /** Attempts that one node has open to one endpoint. */
  perEndpoint: 20,
  /** Patterns of event types, or of rooms, of one endpoint. */
  patterns: 50,
  /** Characters. */
  url: 2_000,
  description: 200,
  /** ms from the resolution of the name to the end of the answer. */
  timeout: 15_000,
  /** ms after which a claimed delivery that nothing was heard of is anybody's again; longer than `timeout`. */
  lease: 30_000,
  /** Connections to one host that wait idle for the next post, and ms for which they do: servers close them after 5 s or more. */
  idleConnections: 4,
  idleFor: 4_000,
  /** ms after which a kept connection is not used again. */
  connectionLife: 60_000,
  /** Bytes of an answer that are read and kept. */
  preview: 1_024,
  /** ms that a Retry-After can ask for at most. */
  retryAfter: 24 * 3_600_000,
  /** ms without one success after which a failing endpoint is disabled. */
  failing: 5 * 24 * 3_600_000,
  /** Deliveries that may wait for one endpoint; with more it is disabled. */
  backlog: 1_000_000,
  /** Ended deliveries that are kept for one endpoint. */
  kept: 1_000_000,
  /** ms for which delivered ones are kept, failed ones, and those that wait for a disabled endpoint. */
  deliveredFor: 3 * 24 * 3_600_000,
  failedFor: 14 * 24 * 3_600_000,
  waitingFor: 3 * 24 * 3_600_000,
  /** Deliveries that one call redelivers. */
  replay: 10_000,
  /** ms for which an old secret may still sign. */
  overlap: 7 * 24 * 3_600_000,
} as const;
