import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { LIMITS } from "./limits.ts";

/** Returns the agent for a URL. */
export type GetAgent = (url: URL) => HttpAgent;

/**
 * Agents that keep connections to receivers open for the next post: a TLS handshake for each would cost more than all else. Few
 * connections are idle, for a shorter time than servers usually allow; and all are replaced after a while, so that a name is resolved,
 * and its addresses checked, again.
 *
 * @param maxAgeMs ms after which open connections are no longer used
 */
export function createAgents(maxAgeMs: number = LIMITS.connectionMaxAgeMs): GetAgent {
  let agents = openAgents();
  let createdAt = performance.now();

  return (url) => {
    if (performance.now() - createdAt > maxAgeMs) {
      for (const agent of agents) closeAgent(agent);
      agents = openAgents();
      createdAt = performance.now();
    }
    return url.protocol === "https:" ? agents[1] : agents[0];
  };
}

function openAgents(): [HttpAgent, HttpsAgent] {
  const options = { keepAlive: true, maxFreeSockets: LIMITS.idleConnections, timeout: LIMITS.idleTimeoutMs };
  return [new HttpAgent(options), new HttpsAgent(options)];
}

/** Idle connections are closed now, the others after their response. */
function closeAgent(agent: HttpAgent): void {
  (agent as { keepAlive?: boolean }).keepAlive = false;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
