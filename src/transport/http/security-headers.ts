import type { RequestInfo } from "../../platform/http/api.ts";

/** For responses that are data: nothing in them may run, load or be framed. Pages and docs set a policy of their own. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const HEADERS: Record<string, string> = {
  "content-security-policy": DATA_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  // Not `no-referrer`: browsers would then send `Origin: null` with our own forms, and their posts would be refused.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/** Adds what is missing of the security headers, the request id, and HSTS when the client came over https. */
export function secureHeaders(headers: Headers, info: RequestInfo): void {
  for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value);
  if (info.secure) headers.set("strict-transport-security", "max-age=31536000");
  headers.set("x-request-id", info.requestId);
}
