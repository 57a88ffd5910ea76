import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { LIMITS } from "./limits.ts";

/** Gives the agent whose connections a URL is posted over. */
export type AgentFor = (url: URL) => HttpAgent;

/**
 * Connections to receivers, kept for the next post: a TLS handshake for each would cost more than all else. Few wait idle, shorter
 * than servers usually keep them; and all are made anew after a while, so that a name is looked up, and its addresses checked, again.
 *
 * @param life ms after which kept connections are given up
 */
export function createConnections(life: number = LIMITS.connectionLife): AgentFor {
  let agents = open();
  let born = performance.now();

  return (url) => {
    if (performance.now() - born > life) {
      for (const agent of agents) retire(agent);
      agents = open();
      born = performance.now();
    }
    return url.protocol === "https:" ? agents[1] : agents[0];
  };
}

function open(): [HttpAgent, HttpsAgent] {
  const options = { keepAlive: true, maxFreeSockets: LIMITS.idleConnections, timeout: LIMITS.idleFor };
  return [new HttpAgent(options), new HttpsAgent(options)];
}

/** What is idle is closed now, what is in use when its answer has come. */
function retire(agent: HttpAgent): void {
  (agent as { keepAlive?: boolean }).keepAlive = false;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
