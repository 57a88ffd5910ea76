import { isLoopback } from "../../config/address-list.ts";

/** Headers by which a proxy says for whom, or how, it forwards. */
const FORWARDED_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/** A header of a request by its name in lower case; null: it was not sent. */
export type GetHeader = (name: string) => string | null;

/** Whether a header shows a proxy. One that adds none cannot be distinguished from a program of this machine. */
export function isForwarded(header: GetHeader): boolean {
  return FORWARDED_HEADERS.some((name) => header(name) !== null);
}

/** Whether a host, with or without a port, is a name that only this machine has for itself: `localhost:3003`, `127.0.0.1`, `[::1]`. */
export function isLoopbackHost(host: string): boolean {
  const [, name] = /^(\[[\da-f:]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(host) ?? [];
  return name !== undefined && isLoopback(name.toLowerCase().replace(/^\[|\]$/g, ""));
}
