import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import {
  type BrokerTransport,
  type Certificates,
  getReconnectDelay,
  type TransportAddress,
} from "./broker-transport.ts";

const CONNECT_MS = 3_000;
const MAX_BYTES = 1_000_000;

/**
 * One server or several, separated by commas: nats://host:4222, nats://user:password@host, nats://token@host, tls://host. With
 * `tls` they speak TLS whatever the URL says.
 */
export interface NatsTarget {
  url: string;
  tls?: Certificates | null;
}

/** Subjects of NATS core. */
export async function createNatsTransport(
  target: NatsTarget,
  { cluster, instanceId }: TransportAddress,
  onError: (error: unknown) => void,
): Promise<BrokerTransport> {
  const nats = await import("@nats-io/transport-node");
  const options = getNatsOptions(target);
  const allSubject = `usher.${cluster}.all`;
  const instanceSubject = (name: string) => `usher.${cluster}.to.${name}`;
  let connection: NatsConnection | null = null;
  let connected = false;
  let closing = false;
  let giveUp = () => {};

  async function keepOpen(received: (text: string) => void): Promise<void> {
    const callback = (error: Error | null, message: { string(): string }) =>
      error === null ? received(message.string()) : onError(error);
    for (let attempt = 0; !closing; attempt++) {
      const givenUp = Promise.withResolvers<void>();
      giveUp = () => givenUp.resolve();
      try {
        connection = await nats.connect(options);
        for (const subject of [allSubject, instanceSubject(instanceId)]) connection.subscribe(subject, { callback });
        connected = !closing;
        attempt = 0;
        if (connected) await Promise.race([connection.closed(), givenUp.promise]);
      } catch (error) {
        onError(error);
      }
      connected = false;
      connection?.close().catch(onError);
      connection = null;
      if (!closing) await new Promise((resolve) => setTimeout(resolve, getReconnectDelay(attempt)));
    }
  }

  return {
    kind: "nats",
    get maxBytes() {
      return Math.min(connection?.info?.max_payload ?? MAX_BYTES, MAX_BYTES);
    },
    skipsProbeAlone: false,
    start: (received) => void keepOpen(received),
    send(to, text) {
      if (connection === null || !connected) return false;
      try {
        connection.publish(to === null ? allSubject : instanceSubject(to), text);
        return true;
      } catch (error) {
        onError(error);
        return false;
      }
    },
    isConnected: () => connected,
    reconnect: () => giveUp(),
    async close() {
      closing = true;
      connected = false;
      giveUp();
    },
  };
}

/** The driver's options: it ignores user and token in a URL. */
export function getNatsOptions({ url, tls = null }: NatsTarget): NodeConnectionOptions {
  const addresses = url.split(",").map((each) => new URL(each.trim()));
  const { username, password, protocol } = addresses[0]!;
  const user = decodeURIComponent(username);
  return {
    servers: addresses.map(({ host }) => host),
    ...(password !== "" ? { user, pass: decodeURIComponent(password) } : user !== "" ? { token: user } : {}),
    ...(protocol === "tls:" || tls !== null ? { tls: { ...tls } } : {}),
    name: "usher",
    timeout: CONNECT_MS,
    // The driver does not retry after some failures. We always do, so the loop above reconnects.
    reconnect: false,
  };
}
