import { rateLimitedError } from "../platform/http/rate-limit.ts";
import { createBell } from "./bell.ts";
import { createBroadcasts } from "./broadcasts.ts";
import { createChanges } from "./changes.ts";
import { createHistory } from "./history.ts";
import type { ServerApi, ServerApiDeps } from "./index.ts";
import { createKeepOnce } from "./keep-once.ts";
import { createKeep } from "./keeping.ts";
import { KnownTokens } from "./known-tokens.ts";
import { createNotices } from "./notices.ts";
import { addChangeRoutes } from "./routes/changes.ts";
import { addConnectionRoutes } from "./routes/connections.ts";
import { addNoticeRoutes } from "./routes/notices.ts";
import { addPresenceRoute } from "./routes/presence.ts";
import { addRoomRoutes } from "./routes/rooms.ts";
import { addTokenRoutes } from "./routes/service-tokens.ts";
import { createServiceTokens } from "./service-tokens.ts";
import { createStats } from "./stats.ts";
import { eraseNotices, noticesOf } from "./store/notices.ts";

/** The module, with what it must remember: the tokens that are good. Resolves when it follows the log. */
export async function createServerApi(deps: ServerApiDeps): Promise<ServerApi> {
  const known = new KnownTokens(deps);
  const bell = createBell();
  await deps.tail.addConsumer({ name: "changes", from: "now", needs: () => false, handle: async () => bell.ring() });
  const parts = { ...deps, bell, keep: createKeepOnce(deps.sql, createKeep(deps)) };
  const api: ServerApi = {
    notices: createNotices(parts),
    broadcasts: createBroadcasts(parts),
    stats: createStats(parts),
    history: createHistory(parts),
    changes: createChanges(parts),
    tokens: createServiceTokens(deps, () => known.changed()),
    authenticate: (token) => known.authenticate(token),
    isServiceToken: (token) => known.isOurs(token),
    known: (token) => known.known(token),
    isCurrent: (caller) => known.isCurrent(caller),
    requests: deps.requests,
    async admit({ tokenId }) {
      const { allowed, retryAfter } = await deps.requests(tokenId);
      if (!allowed) throw rateLimitedError(retryAfter);
    },
    routes(http) {
      addNoticeRoutes(http, api);
      addRoomRoutes(http, api);
      addConnectionRoutes(http, api);
      addPresenceRoute(http, deps.realtime);
      addChangeRoutes(http, api);
      addTokenRoutes(http, api);
    },
    erase: (userId) => eraseNotices(deps.sql, userId),
    exportOf: async (userId) => ({ notices: await noticesOf(deps.sql, userId) }),
    endWaits: () => bell.close(),
    async stop() {
      bell.close();
      await known.stop();
    },
  };
  return api;
}
