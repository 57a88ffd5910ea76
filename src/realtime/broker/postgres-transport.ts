import { Socket } from "node:net";
import { Client } from "pg";
import { type BrokerTransport, getReconnectDelay, type TransportAddress } from "./broker-transport.ts";

const CONNECT_MS = 5_000;
/** PostgreSQL's own limit is 8,000, with the zero at the end. */
const MAX_BYTES = 7_990;

/**
 * LISTEN and NOTIFY on a connection of its own, never within the transactions that write: a NOTIFY takes a lock that all commits
 * with one share. Texts that come while a statement is under way go with the next, so many texts cost one transaction.
 */
export function createPostgresTransport(
  url: string,
  { cluster, instanceId }: TransportAddress,
  onError: (error: unknown) => void,
  connectMs = CONNECT_MS,
): BrokerTransport {
  const allChannel = `usher_${cluster}`;
  const instanceChannel = (name: string) => `usher_${cluster}_${name}`;
  let received: (text: string) => void = () => {};
  let client: Client | null = null;
  let socket: Socket | null = null;
  let connected = false;
  let closing = false;
  let waiting: { channel: string; text: string }[] = [];
  let sending = false;

  /** The end of a connection that we close is not an error. */
  function failed(error: unknown): void {
    if (!closing) onError(error);
  }

  async function keepOpen(): Promise<void> {
    for (let attempt = 0; !closing; attempt++) {
      const lost = Promise.withResolvers<void>();
      // The driver's own timeout ends with the greeting; without this one a LISTEN without a reply would wait as long as TCP does.
      const late = setTimeout(() => socket?.destroy(), connectMs);
      try {
        client = open(() => lost.resolve());
        await client.connect();
        for (const channel of [allChannel, instanceChannel(instanceId)]) await client.query(`LISTEN "${channel}"`);
        clearTimeout(late);
        connected = !closing;
        attempt = 0;
        if (connected) await lost.promise;
      } catch (error) {
        failed(error);
      }
      clearTimeout(late);
      connected = false;
      waiting = [];
      socket?.destroy();
      if (!closing) await new Promise((resolve) => setTimeout(resolve, getReconnectDelay(attempt)));
    }
  }

  function open(onLost: () => void): Client {
    const own = new Socket();
    socket = own;
    const address = new URL(url);
    // Such a commit may be lost: a NOTIFY does not survive the server anyway.
    const options = `${address.searchParams.get("options") ?? ""} -c synchronous_commit=off`.trim();
    address.searchParams.set("options", options);
    if (address.searchParams.has("sslmode")) address.searchParams.set("uselibpqcompat", "true");
    const made = new Client({
      connectionString: address.href,
      application_name: "usher broker",
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      stream: () => own,
    });
    made.on("notification", ({ payload }) => payload !== undefined && received(payload));
    made.on("error", failed);
    made.on("end", onLost);
    own.on("close", onLost);
    return made;
  }

  async function sendAll(): Promise<void> {
    sending = true;
    while (connected && client !== null && waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await client.query({
          name: "notify",
          text: "SELECT pg_notify(t.channel, t.payload) FROM unnest($1::text[], $2::text[]) AS t (channel, payload)",
          values: [batch.map(({ channel }) => channel), batch.map(({ text }) => text)],
        });
      } catch (error) {
        failed(error);
      }
    }
    sending = false;
  }

  return {
    kind: "postgres",
    maxBytes: MAX_BYTES,
    skipsProbeAlone: true,
    start(to) {
      received = to;
      void keepOpen();
    },
    send(to, text) {
      if (!connected) return false;
      waiting.push({ channel: to === null ? allChannel : instanceChannel(to), text });
      if (!sending) void sendAll();
      return true;
    },
    isConnected: () => connected,
    reconnect: () => void socket?.destroy(),
    async close() {
      closing = true;
      connected = false;
      socket?.destroy();
    },
  };
}
