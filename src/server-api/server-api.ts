import { createBroadcasts } from "./broadcasts.ts";
import { createChangeNotifier } from "./change-notifier.ts";
import { createChanges } from "./changes.ts";
import { createHistory } from "./history.ts";
import { createIdempotentAppend } from "./idempotent-append.ts";
import type { ServerApi, ServerApiDeps } from "./index.ts";
import { createNotices } from "./notices.ts";
import { addChangeRoutes } from "./routes/changes.ts";
import { addNoticeRoutes } from "./routes/notices.ts";
import { addPresenceRoute } from "./routes/presence.ts";
import { addRoomRoutes } from "./routes/rooms.ts";
import { addTokenRoutes } from "./routes/service-tokens.ts";
import { addStatsRoute } from "./routes/stats.ts";
import { createServiceTokens } from "./service-tokens.ts";
import { createStats } from "./stats.ts";
import { eraseNotices, listNotices } from "./store/notices.ts";
import { TokenCache } from "./token-cache.ts";

/** Creates the module with its cache of valid tokens. Resolves when it follows the log. */
export async function createServerApi(deps: ServerApiDeps): Promise<ServerApi> {
  const tokenCache = new TokenCache(deps);
  const notifier = createChangeNotifier();
  await deps.tail.addConsumer({
    name: "changes",
    from: "now",
    needs: () => false,
    handle: async () => notifier.notify(),
  });
  const context = { ...deps, notifier, append: createIdempotentAppend(deps) };
  const api: ServerApi = {
    notices: createNotices(context),
    broadcasts: createBroadcasts(context),
    stats: createStats(context),
    history: createHistory(context),
    changes: createChanges(context),
    tokens: createServiceTokens(deps, () => tokenCache.reload()),
    callers: tokenCache,
    requests: deps.requests,
    routes(http) {
      addNoticeRoutes(http, api);
      addRoomRoutes(http, api);
      addStatsRoute(http, api);
      addPresenceRoute(http, deps.realtime);
      addChangeRoutes(http, api);
      addTokenRoutes(http, api);
    },
    erase: (userId) => eraseNotices(deps.sql, userId),
    exportUser: async (userId) => ({ notices: await listNotices(deps.sql, userId) }),
    endLongPolls: () => notifier.close(),
    async stop() {
      notifier.close();
      await tokenCache.stop();
    },
  };
  return api;
}
