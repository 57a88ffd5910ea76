import { knownZone } from "../chat/time.ts";
import type { ApiClient } from "./api-client.ts";
import { readCookie } from "./cookie.ts";
import { readFirstSteps } from "./first-steps.ts";
import { readChannelList } from "./reads.ts";

/** The data around every signed-in page. Throws UsherError, `unauthenticated` for a visitor who is not signed in. */
export async function readLayoutData(api: ApiClient, request: Request) {
  const snapshot = await readChannelList(api);
  const steps = await readFirstSteps(api, request, snapshot.me);
  return { snapshot, steps, zone: knownZone(readCookie(request, "zone")), now: Date.now() };
}

export type LayoutData = Awaited<ReturnType<typeof readLayoutData>>;
