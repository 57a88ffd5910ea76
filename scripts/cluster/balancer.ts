import { type AddressInfo, connect, createServer, isIPv4, type Server, type Socket } from "node:net";
import { isLoopback } from "../../src/config/address-list.ts";
import { outerAddress } from "./outer-address.ts";

/** A server to which the balancer connects, on this machine. */
export interface Backend {
  port: number;
  /** URL of its readiness: `http://…/ready`. */
  ready: string;
}

export interface Balancer {
  port: number;
  close(): Promise<void>;
}

const CHECK_INTERVAL_MS = 250;
const CHECK_TIMEOUT_MS = 2_000;

/**
 * A balancer for trying a cluster on one machine: TCP connections go to the ready backends round-robin; open ones stay where they are.
 * In earnest, put nginx, HAProxy or your cloud's in front: see deploy/nginx.conf.
 *
 * @param port 0: one that is free
 */
export async function startBalancer(host: string, port: number, backends: readonly Backend[]): Promise<Balancer> {
  const ready = new Set<Backend>();
  const open = new Set<Socket>();
  let turn = 0;
  let closed = false;

  async function check(backend: Backend): Promise<void> {
    if (await isReady(backend)) ready.add(backend);
    else ready.delete(backend);
  }

  async function watch(backend: Backend): Promise<void> {
    while (!closed) {
      await Bun.sleep(CHECK_INTERVAL_MS);
      await check(backend);
    }
  }

  const server: Server = createServer((near) => {
    // A backend that is not ready is tried last: the check may be out of date.
    const inTurn = backends.filter((backend) => ready.has(backend));
    const start = inTurn.length === 0 ? 0 : turn++ % inTurn.length;
    const others = backends.filter((backend) => !ready.has(backend));
    open.add(near);
    near.on("close", () => open.delete(near));
    near.on("error", () => near.destroy());
    forward(near, [...inTurn.slice(start), ...inTurn.slice(0, start), ...others]);
  });
  await Promise.all(backends.map(check));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  for (const backend of backends) void watch(backend);
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      closed = true;
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Connects to the first backend that accepts. */
function forward(near: Socket, [backend, ...others]: readonly Backend[]): void {
  if (backend === undefined || near.destroyed) {
    near.destroy();
    return;
  }
  const localAddress = sourceFor(near);
  if (localAddress === null) {
    near.destroy();
    return;
  }
  const far = connect({ port: backend.port, host: "127.0.0.1", localAddress });
  const next = () => forward(near, others);
  far.once("error", next);
  far.once("connect", () => {
    far.off("error", next);
    far.on("error", () => near.destroy());
    // An end lets through what was sent before it.
    near.on("close", (broken) => (broken ? far.destroy() : far.end()));
    far.on("close", (broken) => (broken ? near.destroy() : near.end()));
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.pipe(far);
    far.pipe(near);
  });
}

/**
 * The local address of the connection to a node: for clients from elsewhere it is one by which others reach this machine, so that a node
 * does not treat them as local. Null: there is none.
 */
function sourceFor({ remoteAddress, localAddress }: Socket): string | null {
  if (isLoopback(plain(remoteAddress))) return "127.0.0.1";
  const own = plain(localAddress);
  return isIPv4(own) && !isLoopback(own) ? own : outerAddress();
}

/** On a dual socket `::ffff:1.2.3.4` is 1.2.3.4. */
function plain(address = ""): string {
  return address.replace(/^::ffff:(?=\d)/i, "");
}

async function isReady({ ready }: Backend): Promise<boolean> {
  try {
    return (await fetch(ready, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) })).ok;
  } catch {
    return false;
  }
}
