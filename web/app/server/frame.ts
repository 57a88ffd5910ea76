import { knownZone } from "../chat/time.ts";
import { cookieOf } from "./cookie.ts";
import { readFirstSteps } from "./first-steps.ts";
import type { Hub } from "./hub.ts";
import { readHouse } from "./reads.ts";

/** What stands around every page of somebody who is signed in. Throws UsherError, `unauthenticated` for who is not. */
export async function readFrame(hub: Hub, request: Request) {
  const snapshot = await readHouse(hub);
  const steps = await readFirstSteps(hub, request, snapshot.me);
  return { snapshot, steps, zone: knownZone(cookieOf(request, "zone")), now: Date.now() };
}

export type FrameData = Awaited<ReturnType<typeof readFrame>>;
