/** The limits of everything about webhooks that can grow. */
export const LIMITS = {
  /** Per server. With `perEndpoint` it bounds the attempts in flight on one node: 1,000. */
  endpoints: 50,
  /** Attempts in flight of one node to one endpoint. */
  perEndpoint: 20,
  /** Patterns of event types, or of rooms, of one endpoint. */
  patterns: 50,
  /** Characters. */
  url: 2_000,
  description: 200,
  /** ms from the resolution of the name to the end of the response. */
  timeoutMs: 15_000,
  /** ms after which a claimed delivery without a result can be claimed again; longer than `timeout`. */
  leaseMs: 30_000,
  /** Idle connections to one host, and ms for which they stay open: servers close them after 5 s or more. */
  idleConnections: 4,
  idleTimeoutMs: 4_000,
  /** ms after which an open connection is not reused. */
  connectionMaxAgeMs: 60_000,
  /** Bytes of a response that are read and stored. */
  previewBytes: 1_024,
  /** Maximum ms of a Retry-After. */
  maxRetryAfterMs: 24 * 3_600_000,
  /** ms without one success after which a failing endpoint is disabled. */
  maxFailingMs: 5 * 24 * 3_600_000,
  /** Deliveries that may wait for one endpoint; with more it is disabled. */
  backlog: 1_000_000,
  /** Maximum number of ended deliveries stored for one endpoint. */
  ended: 1_000_000,
  /** Retention in ms of delivered ones, failed ones, and those that wait for a disabled endpoint. */
  deliveredRetentionMs: 3 * 24 * 3_600_000,
  failedRetentionMs: 14 * 24 * 3_600_000,
  waitingRetentionMs: 3 * 24 * 3_600_000,
  /** Deliveries that one call redelivers. */
  replay: 10_000,
  /** Maximum ms for which an old secret still signs. */
  maxOverlapMs: 7 * 24 * 3_600_000,
} as const;
