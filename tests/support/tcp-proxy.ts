import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy between a program and a server that can be slow, stalled or cut. */
export interface TcpProxy {
  port: number;
  /** What arrives is handed on so many ms later, in both directions. */
  delay(ms: number): void;
  /** Half-open: connections stay, new ones are taken, and nothing comes through any more. */
  stall(): void;
  /** The network has forgotten the connections there are: nothing comes through them any more. New ones are well. */
  dropExisting(): void;
  /** Breaks every connection and accepts no new one. */
  cut(): void;
  /** Restores it. Connections that were stalled break: their peers closed long ago. */
  restore(): void;
  close(): Promise<void>;
}

/** @param to where it leads: a port of this machine */
export async function startTcpProxy(to: number): Promise<TcpProxy> {
  const open = new Set<Socket>();
  const forgotten = new Set<Socket>();
  let state: "open" | "stalled" | "cut" = "open";
  let delayMs = 0;

  const server = createServer((near) => {
    if (state === "cut") return near.destroy();
    const far = connect(to, "127.0.0.1");
    forward(near, far);
    forward(far, near);
  });

  function forward(from: Socket, into: Socket): void {
    open.add(from);
    from.setNoDelay(true);
    from.on("data", (bytes) => {
      if (state === "stalled" || forgotten.has(from)) return;
      if (delayMs === 0) into.write(bytes);
      else setTimeout(() => into.writable && into.write(bytes), delayMs);
    });
    from.on("error", () => into.destroy());
    from.on("end", () => state !== "stalled" && into.end());
    from.on("close", () => {
      open.delete(from);
      if (state !== "stalled") into.destroy();
    });
  }

  const breakAll = () => {
    for (const socket of open) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    delay(ms) {
      delayMs = ms;
    },
    stall() {
      state = "stalled";
    },
    dropExisting() {
      for (const socket of open) forgotten.add(socket);
    },
    cut() {
      state = "cut";
      breakAll();
    },
    restore() {
      if (state === "stalled") breakAll();
      state = "open";
      delayMs = 0;
    },
    close() {
      state = "cut";
      breakAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
