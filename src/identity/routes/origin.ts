import type { Origin } from "../parts.ts";

/** Where a request came from, as the use cases ask for it. */
export function origin(c: {
  get: (name: "address") => string;
  req: { header: (name: string) => string | undefined };
}): Origin {
  return { address: c.get("address"), userAgent: c.req.header("user-agent") ?? null };
}
