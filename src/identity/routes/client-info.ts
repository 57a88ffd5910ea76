import type { ClientInfo } from "../identity-context.ts";

/** The origin of a request, for the use cases. */
export function getClientInfo(c: {
  get(name: "address"): string;
  get(name: "isLocal"): boolean;
  req: { header: (name: string) => string | undefined };
}): ClientInfo {
  return { address: c.get("address"), isLocal: c.get("isLocal"), userAgent: c.req.header("user-agent") ?? null };
}
