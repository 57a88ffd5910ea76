/** The pages for admins, in the order of the list beside them. */
export const SECTIONS = [
  { path: "/admin", label: "Overview", group: "Status" },
  { path: "/admin/connections", label: "Connections", group: "Status" },
  { path: "/admin/rooms", label: "Rooms", group: "Status" },
  { path: "/admin/traces", label: "Live trace", group: "Status" },
  { path: "/admin/people", label: "People", group: "People" },
  { path: "/admin/invitations", label: "Invitations", group: "People" },
  { path: "/admin/bans", label: "Bans", group: "People" },
  { path: "/admin/tokens", label: "Service tokens", group: "Integrations" },
  { path: "/admin/webhooks", label: "Webhooks", group: "Integrations" },
  { path: "/admin/settings", label: "Settings", group: "Server" },
  { path: "/admin/audit-log", label: "Audit log", group: "Server" },
] as const;

export const GROUPS = [...new Set(SECTIONS.map(({ group }) => group))];

/** The section that a path is in; a deeper path belongs to the section it begins with. */
export function findSection(pathname: string) {
  return SECTIONS.findLast(({ path }) => pathname === path || pathname.startsWith(`${path}/`)) ?? SECTIONS[0];
}
