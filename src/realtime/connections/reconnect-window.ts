/** ms over which connections that are closed together reconnect, when they are few. */
export const MIN_RECONNECT_WINDOW_MS = 2_000;

/**
 * ms over which so many connections are to reconnect, so that they are at most half of the handshakes that the nodes accept, and
 * others still get in.
 *
 * @param handshakes per second that one node accepts
 * @param nodes that accept them
 */
export function getReconnectWindow(
  connections: number,
  handshakes: number,
  nodes = 1,
  minMs = MIN_RECONNECT_WINDOW_MS,
): number {
  return Math.max(minMs, Math.round((connections / ((nodes * handshakes) / 2)) * 1_000));
}
