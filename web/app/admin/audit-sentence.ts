import type { AuditEntry } from "../../../sdk/admin.ts";
import { lookUp } from "../look-up.ts";
import { bidiIsolate } from "../ui/bidi-isolate.ts";
import { pluralize } from "./format.ts";

type Names = Readonly<Record<string, string>>;
type Detail = Readonly<Record<string, unknown>>;

/** The action, as the end of a sentence that begins with the actor: "banned troll". */
export function describeAction({ action, subject, detail }: AuditEntry, names: Names): string {
  const what = describeSubject(subject, detail, names);
  return lookUp(ACTION_TEXTS, action)?.(what, detail) ?? `did ${action} to ${what}`;
}

/** Ids of the people named in entries, to read their names. */
export function listUserIds(entries: readonly Pick<AuditEntry, "subject" | "detail">[]): string[] {
  return entries.flatMap(({ subject, detail }) => [
    ...(subject.startsWith("user:") ? [subject.slice("user:".length)] : []),
    ...(typeof detail.user_id === "string" ? [detail.user_id] : []),
  ]);
}

/** Rooms named in entries. */
export function listRooms(entries: readonly Pick<AuditEntry, "subject">[]): string[] {
  return entries.flatMap(({ subject }) => (subject.startsWith("room:") ? [subject.slice("room:".length)] : []));
}

/** Every action that has a sentence, to choose from. */
export const auditActions = (): string[] => Object.keys(ACTION_TEXTS);

const ACTION_TEXTS: Readonly<Record<string, (what: string, detail: Detail) => string>> = {
  "ban:made": (what, { until }) =>
    `banned ${what} ${typeof until === "string" ? `until ${formatDate(until)}` : "permanently"}`,
  "ban:lifted": (what) => `lifted the ban of ${what}`,
  "invite:made": (_, { max_uses }) => `created an invitation for ${pluralize(Number(max_uses), "person", "people")}`,
  "invite:removed": () => "withdrew an invitation",
  "reset-links:read": (_, { user_ids }) =>
    `read the password reset links of ${pluralize(Array.isArray(user_ids) ? user_ids.length : 0, "person", "people")}`,
  "role:changed": (what, { from, to }) => `changed the role of ${what} from ${from} to ${to}`,
  "user:disabled": (what) => `disabled the account of ${what}`,
  "user:enabled": (what) => `enabled the account of ${what}`,
  "sessions:ended": (what, { count }) => `ended ${pluralize(Number(count), "session")} of ${what}`,
  "setting:changed": (what, { from, to }) =>
    to === null
      ? `set ${what} back to its value in the environment`
      : `set ${what} to ${to}${from === null ? "" : `, which was ${from}`}`,
  "config:reloaded": (what, { changed }) => `reloaded the environment on ${what}: ${formatChanges(changed)}`,
  "service-token:issued": (what, { scopes }) => `created ${what} with ${formatList(scopes)}`,
  "service-token:changed": (what) => `gave ${what} a new secret`,
  "service-token:revoked": (what) => `revoked ${what}`,
  "webhook:made": (what) => `created ${what}`,
  "webhook:changed": (what, { fields, disabled }) =>
    disabled === true
      ? `disabled ${what}`
      : disabled === false
        ? `enabled ${what}`
        : `changed ${formatList(fields)} of ${what}`,
  "webhook:removed": (what) => `removed ${what}`,
  "webhook:secret-rotated": (what) => `gave ${what} a new secret`,
  "webhook:redelivered": (what, { count }) =>
    `sent ${count === undefined ? "a delivery" : pluralize(Number(count), "delivery", "deliveries")} to ${what} again`,
  "webhook:tested": (what) => `sent a test event to ${what}`,
  "node:drained": (what, { seconds }) => `drained ${what} over ${pluralize(Number(seconds), "second")}`,
  "connection:closed": (what) => `closed ${what}`,
  "trace:started": (what) => `traced the frames of ${what}`,
};

const KINDS: Readonly<Record<string, string>> = {
  "service-token": "service token",
  "webhook-endpoint": "webhook",
  setting: "",
  range: "",
};

/** `user:42` → "ada"; `node:1` → "node 1"; `setting:LOG_LEVEL` → "LOG_LEVEL". Entries of earlier releases have no names. */
function describeSubject(subject: string, { name, host }: Detail, names: Names): string {
  const [kind = "", ...rest] = subject.split(":");
  const id = rest.join(":");
  if (kind === "user") return bidiIsolate(lookUp(names, id) ?? `person ${id}`);
  if (kind === "room") return bidiIsolate(lookUp(names, id) ?? `room ${id}`);
  if (kind === "service-token" && typeof name === "string") return `the service token ${bidiIsolate(name)}`;
  if (kind === "webhook-endpoint" && typeof host === "string") return `the webhook to ${bidiIsolate(host)}`;
  return `${lookUp(KINDS, kind) ?? kind} ${bidiIsolate(id)}`.trim();
}

function formatList(values: unknown): string {
  return Array.isArray(values) && values.length > 0 ? values.join(", ") : "nothing";
}

function formatChanges(changed: unknown): string {
  const rows = typeof changed === "object" && changed !== null ? Object.entries(changed) : [];
  return rows.length === 0
    ? "nothing changed"
    : rows.map(([name, value]) => `${name} is ${value ?? "not set"}`).join(", ");
}

/** "21 November 2026", UTC: server and browser render the same sentence. */
function formatDate(time: string): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" }).format(new Date(time));
}
