/** What the client needs from its runtime. Browsers, Bun and Node have it; tests pass their own. */
export interface Environment {
  /** Unix time in ms, to show and to compare with other machines. The clock can be set back and forward: do not measure with it. */
  now(): number;
  /** ms by a monotonic clock, to measure how long something took. */
  elapsed(): number;
  setTimer(run: () => void, ms: number): Timer;
  clearTimer(timer: Timer): void;
  /** From 0 to below 1. */
  random(): number;
  /** `protocols`: the subprotocols to offer, of which one may carry the token. */
  openSocket(url: string, protocols: string[]): Socket;
  /** Reports "online", "offline" and "visible". Returns the function that stops it. */
  watchNetwork(listener: (event: "online" | "offline" | "visible") => void): () => void;
}

export type Timer = unknown;

/** The part of the standard WebSocket that is used. */
export interface Socket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** The environment of this runtime. `WebSocketClass`: for Node 20, which has no global one. */
export function systemEnvironment(WebSocketClass?: SocketConstructor): Environment {
  const Constructor = WebSocketClass ?? (globalThis.WebSocket as unknown as SocketConstructor | undefined);
  return {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    random: () => Math.random(),
    openSocket(url, protocols) {
      if (!Constructor) throw new Error("This runtime has no WebSocket. Pass one as the option WebSocket.");
      return new Constructor(url, protocols);
    },
    watchNetwork,
  };
}

/** A browser reports when the network comes and goes; other runtimes do not. */
function watchNetwork(listener: (event: "online" | "offline" | "visible") => void): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") return () => {};
  const online = () => listener("online");
  const offline = () => listener("offline");
  const visible = () => {
    if (document.visibilityState === "visible") listener("visible");
  };
  window.addEventListener("online", online);
  window.addEventListener("offline", offline);
  document.addEventListener("visibilitychange", visible);
  return () => {
    window.removeEventListener("online", online);
    window.removeEventListener("offline", offline);
    document.removeEventListener("visibilitychange", visible);
  };
}
