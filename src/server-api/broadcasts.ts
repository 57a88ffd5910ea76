import { NEVER_KEPT } from "../../protocol/notices.ts";
import { UserId } from "../../protocol/rooms.ts";
import type { Broadcasts, ServerApiDeps } from "./index.ts";
import type { KeepOnce } from "./keep-once.ts";
import { metaOf } from "./notices.ts";
import { checkedPayload } from "./payload.ts";
import { checkType, invalid, roomOf, service } from "./policy.ts";

/** One person's connections in one room; he has no more. */
const MOST_OF_ONE = 1_000;

/** To all who are in a room: an entry of its log, unless somebody is left out, who would see a hole. */
export function createBroadcasts({
  realtime,
  cluster,
  keep,
}: Pick<ServerApiDeps, "realtime" | "cluster"> & { keep: KeepOnce }): Broadcasts {
  return {
    async send(caller, { room: name, event_type, payload, exclude_user_id: excluded, ephemeral = false }, attempt) {
      const room = roomOf(name);
      const { tokenId } = service(caller, "broadcast", room);
      checkType(event_type, room);
      if (excluded !== undefined && !UserId.safeParse(excluded).success)
        throw invalid("/exclude_user_id", "invalid", "must be the id of a person");
      const checked = checkedPayload(event_type, payload);
      // `all` has no log: it has no members who could come back to it.
      if (ephemeral || excluded !== undefined || room === "all" || NEVER_KEPT.has(event_type))
        realtime.publishText(room, event_type, checked, excluded);
      else await keep({ room, type: event_type, payload: checked, meta: metaOf(tokenId, attempt) }, attempt);

      const [{ counts, partial }, left] = await Promise.all([
        cluster.countMembers([room]),
        excluded === undefined ? null : cluster.listConnections({ userId: excluded, room, limit: MOST_OF_ONE }),
      ]);
      const recipients = Math.max(0, (counts.get(room) ?? 0) - (left?.data.length ?? 0));
      return { recipients, partial: partial || (left?.partial ?? false) };
    },
  };
}
