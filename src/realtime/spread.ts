/** ms over which those come back who are sent away together, when they are few. */
export const LEAST_SPREAD = 2_000;

/**
 * ms over which so many connections are told to come back, so that the nodes that take them are busy with half of the handshakes
 * that they take at most, and others still get in.
 *
 * @param handshakes per second that one node takes
 * @param nodes that take them
 */
export function spreadOf(connections: number, handshakes: number, nodes = 1, least = LEAST_SPREAD): number {
  return Math.max(least, Math.round((connections / ((nodes * handshakes) / 2)) * 1_000));
}
