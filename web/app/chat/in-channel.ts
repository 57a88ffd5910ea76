import { useOutletContext } from "react-router";
import type { Channel } from "../../../protocol/objects.ts";
import type { RoomPresence } from "../../../sdk/presence.ts";
import { useHouse } from "./house-context.tsx";
import { useValue, type Value } from "./value.ts";

/** What the panels beside a conversation share with it. */
export interface InChannel {
  channel: Channel;
  /** Which members are online now; null: not known. */
  here: Value<RoomPresence | null>;
}

export function useInChannel(): InChannel {
  return useOutletContext<InChannel>();
}

/** Ids of those who are online now; empty where only their number is known, and without a connection. */
export function useIdsHere(here: InChannel["here"]): ReadonlySet<string> {
  const { reach } = useHouse();
  const known = useValue(here);
  return new Set(reach === "well" ? known?.members?.map(({ user_id }) => user_id) : []);
}

/** How many are online besides somebody, who is when his page is open although the server has not seen him yet. */
export function othersHere(here: RoomPresence | null, me: string): number {
  if (here === null) return 0;
  if (here.members === null) return Math.max(0, here.count - 1);
  return here.members.filter(({ user_id }) => user_id !== me).length;
}
