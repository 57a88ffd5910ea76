import { outerAddress } from "../../scripts/cluster/outer-address.ts";
import { openTcp } from "./raw-socket.ts";
import { testWhere } from "./tools.ts";
import { waitUntil } from "./wait-until.ts";

/** An address of this machine that is not loopback: to a server, clients at it are on another machine. */
export const REMOTE_ADDRESS = outerAddress() ?? "";

/** `test` where this machine has such an address. */
export const testFromRemote = testWhere(REMOTE_ADDRESS !== "", "an address besides loopback", "a network interface");

export interface RequestOptions {
  method?: string;
  /** The local address; 127.0.0.1 when left out. */
  from?: string;
  /** `Host` is `localhost` unless it is among them. */
  headers?: Record<string, string>;
  body?: string;
}

/** One request of HTTP/1.1 to 127.0.0.1, from an address and with headers that `fetch` would not let one choose. */
export async function sendFrom(
  port: number,
  path: string,
  { method = "GET", from = "127.0.0.1", headers = {}, body = "" }: RequestOptions = {},
): Promise<{ status: number; text: string }> {
  const socket = await openTcp(port, { from });
  const all = { Host: "localhost", Connection: "close", "Content-Length": Buffer.byteLength(body), ...headers };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write(`${[`${method} ${path} HTTP/1.1`, ...head].join("\r\n")}\r\n\r\n${body}`);
  await waitUntil("a response came", () => socket.ended);
  const [first = "", ...rest] = socket.received().toString().split("\r\n\r\n");
  return { status: Number(first.split(" ")[1]), text: rest.join("\r\n\r\n") };
}
