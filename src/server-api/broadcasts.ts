import { EPHEMERAL_TYPES } from "../../protocol/notices.ts";
import { UserId } from "../../protocol/rooms.ts";
import type { IdempotentAppend } from "./idempotent-append.ts";
import type { Broadcasts, ServerApiDeps } from "./index.ts";
import { buildMeta } from "./notices.ts";
import { checkEventType, namedFieldError, parseRoom, requireService, validatePayload } from "./policy.ts";

/** Maximum number of one user's connections in one room. */
const MAX_USER_CONNECTIONS = 1_000;

/** Sends to all connections in a room: an entry of its log, unless a user is excluded, who would see a gap. */
export function createBroadcasts({
  realtime,
  cluster,
  append,
}: Pick<ServerApiDeps, "realtime" | "cluster"> & { append: IdempotentAppend }): Broadcasts {
  return {
    async send(caller, { room: name, event_type, payload, exclude_user_id: excluded, ephemeral = false }, attempt) {
      const room = parseRoom(name);
      const { tokenId } = requireService(caller, "broadcast", room);
      checkEventType(event_type, room);
      if (excluded !== undefined && !UserId.safeParse(excluded).success)
        throw namedFieldError("/exclude_user_id", "invalid", "must be the id of a person");
      const validated = validatePayload(event_type, payload);
      // `all` has no log: no client resumes it from a position.
      if (ephemeral || excluded !== undefined || room === "all" || EPHEMERAL_TYPES.has(event_type))
        realtime.publishText(room, event_type, validated, excluded);
      else await append({ room, type: event_type, payload: validated, meta: buildMeta(tokenId, attempt) }, attempt);

      const [{ counts, partial }, excludedConnections] = await Promise.all([
        cluster.countMembers([room]),
        excluded === undefined
          ? null
          : cluster.listConnections({ userId: excluded, room, limit: MAX_USER_CONNECTIONS }),
      ]);
      const recipients = Math.max(0, (counts.get(room) ?? 0) - (excludedConnections?.data.length ?? 0));
      return { recipients, partial: partial || (excludedConnections?.partial ?? false) };
    },
  };
}
