import { connect, createServer, type Server, type Socket } from "node:net";

/** A server behind the balancer. */
export interface Backend {
  port: number;
  /** Where it says whether it takes more: `http://…/ready`. */
  ready: string;
}

export interface Balancer {
  close(): Promise<void>;
}

const CHECK_MS = 250;

/**
 * A balancer for trying a cluster on one machine: TCP connections go to the ready backends in turn; what is open stays where it is.
 * In earnest, put nginx, HAProxy or your cloud's in front: see deploy/nginx.conf.
 */
export async function startBalancer(host: string, port: number, backends: readonly Backend[]): Promise<Balancer> {
  let ready: readonly Backend[] = [];
  let turn = 0;
  const open = new Set<Socket>();
  const check = async () => {
    const answers = await Promise.all(backends.map(async (backend) => ((await isReady(backend)) ? [backend] : [])));
    ready = answers.flat();
  };
  await check();
  const timer = setInterval(() => void check(), CHECK_MS);

  const server: Server = createServer((near) => {
    // Who is not ready is asked last: the check may be a moment behind.
    const start = turn++;
    const order = [
      ...ready.map((_, n) => ready[(start + n) % ready.length]!),
      ...backends.filter((b) => !ready.includes(b)),
    ];
    open.add(near);
    near.on("close", () => open.delete(near));
    near.on("error", () => near.destroy());
    forward(near, order);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    close() {
      clearInterval(timer);
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** To the first that takes the connection. */
function forward(near: Socket, [backend, ...others]: readonly Backend[]): void {
  if (backend === undefined) {
    near.destroy();
    return;
  }
  const far = connect(backend.port, "127.0.0.1");
  const next = () => forward(near, others);
  far.once("error", next);
  far.once("connect", () => {
    far.off("error", next);
    far.on("error", () => near.destroy());
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.pipe(far);
    far.pipe(near);
  });
}

async function isReady({ ready }: Backend): Promise<boolean> {
  try {
    return (await fetch(ready, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
