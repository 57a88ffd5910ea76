import { index, layout, type RouteConfig, route } from "@react-router/dev/routes";

export default [
  layout("routes/auth-layout.tsx", [
    route("setup", "routes/setup.tsx"),
    route("register", "routes/register.tsx"),
    route("login", "routes/login.tsx"),
    route("reset", "routes/reset.tsx"),
    route("reset/:token", "routes/reset-token.tsx"),
  ]),
  index("routes/index-redirect.ts"),
  route("logout", "routes/logout.tsx"),
  route("first-steps/dismiss", "routes/dismiss-steps.ts"),
  layout("routes/signed-in-layout.tsx", [
    layout("routes/page-error-boundary.tsx", [
      route("channels", "routes/home.tsx"),
      route("channels/new", "routes/channel-new.tsx"),
      route("channels/browse", "routes/channel-browse.tsx"),
      route("direct", "routes/direct.tsx"),
      route("channels/:channelId", "routes/channel.tsx", [
        route("members", "routes/channel-members.tsx"),
        route("about", "routes/channel-about.tsx"),
      ]),
      route("settings", "routes/settings.tsx"),
      route("admin", "routes/admin/admin.tsx", [
        index("routes/admin/overview.tsx"),
        route("connections", "routes/admin/connections.tsx"),
        route("rooms", "routes/admin/rooms.tsx"),
        route("traces", "routes/admin/traces.tsx"),
        route("people", "routes/admin/people.tsx"),
        route("invitations", "routes/admin/invitations.tsx"),
        route("bans", "routes/admin/bans.tsx"),
        route("tokens", "routes/admin/tokens.tsx"),
        route("webhooks", "routes/admin/webhooks.tsx"),
        route("webhooks/:endpointId", "routes/admin/webhook.tsx"),
        route("webhooks/:endpointId/deliveries/:deliveryId", "routes/admin/webhook-delivery.tsx"),
        route("settings", "routes/admin/settings.tsx"),
        route("audit-log", "routes/admin/audit-log.tsx"),
      ]),
    ]),
  ]),
  route("*", "routes/not-found.tsx"),
] satisfies RouteConfig;
