import type { PublicUser, Role } from "../protocol/objects.ts";
import { joinNames, type Request } from "./http.ts";
import type { Newest, Page } from "./page.ts";

/** A node of the cluster, as it reported itself within the last seconds. */
export interface NodeInfo {
  id: string;
  version: string;
  roles: string[];
  host: string;
  address: string;
  started_at: string;
  draining: boolean;
  /** `deaf`: it receives nothing through the broker although another node does; `away`: no node receives. */
  broker: "ok" | "deaf" | "away";
  /** ms since the moment up to which it has seen all of the log; up to 1,000 while nothing happens. */
  lag_ms: number;
  connections: number;
  /** Bytes of memory. */
  rss: number;
}

export interface ConnectionInfo {
  id: string;
  user_id: string | null;
  username: string | null;
  session_id: string | null;
  address: string;
  opened_at: string;
  /** The first hundred of `room_count`. */
  rooms: string[];
  room_count: number;
}

export interface RoomInfo {
  room: string;
  connections: number;
  /** Null: nothing of it was ever stored. */
  head_seq: number | null;
}

/** A token with which another team's back end calls. */
export interface ServiceToken {
  id: string;
  name: string;
  scopes: string[];
  rooms: string[];
  expires_at: string | null;
  created_by: string;
  created_at: string;
  rotated_at: string | null;
  /** Until when the secret before the last rotation is also valid. */
  previous_until: string | null;
  last_used_at: string | null;
}

export interface NewServiceToken {
  name: string;
  scopes: string[];
  rooms?: string[];
  expires_at?: string | null;
}

/** `token` is returned only this once. */
export type IssuedServiceToken = ServiceToken & { token: string };

export interface WebhookEndpoint {
  id: string;
  url: string;
  event_types: string[];
  rooms: string[];
  description: string;
  /** Whether deliveries of one room wait for the ones before. */
  ordered: boolean;
  disabled: boolean;
  disabled_at: string | null;
  disabled_reason: "admin" | "gone" | "failing" | "backlog" | null;
  failing_since: string | null;
  old_secret_until: string | null;
  created_at: string;
}

export interface NewWebhookEndpoint {
  url: string;
  event_types: string[];
  rooms?: string[];
  description?: string;
  ordered?: boolean;
}

/** A room with its display name. */
export interface NamedRoom {
  room: string;
  /** Null: a direct chat. */
  name: string | null;
  kind: "public" | "private" | "direct" | "person";
}

export type DeliveryStatus = "pending" | "delivered" | "failed";

export interface WebhookDelivery {
  id: string;
  endpoint_id: string;
  webhook_id: string;
  event_type: string;
  room: string | null;
  seq: number | null;
  status: DeliveryStatus;
  attempts: number;
  response_status: number | null;
  error: string | null;
  /** Null while it waits for an earlier one of its room. */
  next_attempt_at: string | null;
  occurred_at: string;
  created_at: string;
  ended_at: string | null;
}

/** A log entry of which no deliveries could be made, and the reason. */
export interface WebhookParkedEntry {
  id: string;
  room: string;
  seq: number;
  event_type: string;
  reason: string;
  parked_at: string;
}

export interface WebhookAttempt {
  n: number;
  at: string;
  ms: number;
  response_status: number | null;
  error: string | null;
  response_preview: string | null;
}

/** An option of the server with its present value. */
export interface Setting {
  name: string;
  /** Null: unset, or a secret. */
  value: string | null;
  default: string | null;
  help: string;
  /** The values that it can have, where these are few. */
  choices: string[] | null;
  secret: boolean;
  /** `now`: it can be set here; `reload`: in the environment, then SIGHUP; `restart`. */
  change: "now" | "reload" | "restart";
  /** Only an owner can change it here. */
  owners_only: boolean;
  /** Who set it over the environment. */
  set_by: string | null;
  set_at: string | null;
}

/** An action of an admin. */
export interface AuditEntry {
  id: string;
  at: string;
  /** A user's id, a service token's id, or `system`. */
  actor: string;
  actor_name: string | null;
  action: string;
  /** What the action was on, such as `user:42`. */
  subject: string;
  detail: Record<string, unknown>;
  address: string | null;
}

/** A user as admins see them. */
export interface Account extends PublicUser {
  email: string | null;
  phone: string | null;
  role: Role;
  disabled: boolean;
  banned: boolean;
  created_at: string;
  last_seen_at: string | null;
}

const id = encodeURIComponent;

/** The calls for admins and the owner of the server. */
export function createAdminCalls(request: Request) {
  const list = <T>(path: string, query: object = {}) => request<T>("GET", path, { query: { ...query } });
  const endpoint = (endpointId: string) => `/webhook-endpoints/${id(endpointId)}`;
  return {
    nodes: () => list<{ data: NodeInfo[] }>("/admin/nodes"),
    /** Makes a node send its connections to others and accept no new ones, until it is restarted. */
    drain: (nodeId: string, seconds?: number) =>
      request<void>("POST", `/admin/nodes/${id(nodeId)}/drain`, { body: { seconds } }),
    /** `partial`: a node did not reply in time. */
    connections: (query: { user_id?: string; room?: string; node?: string } & Newest = {}) =>
      list<Page<ConnectionInfo> & { partial: boolean }>("/admin/connections", query),
    closeConnection: (connectionId: string) => request<void>("DELETE", `/admin/connections/${id(connectionId)}`),
    /** The hundred with the most connections. */
    rooms: () => list<{ data: RoomInfo[]; partial: boolean }>("/admin/rooms"),
    /** Of up to 100 rooms, those with a name that the caller may know. */
    roomNames: (rooms: readonly string[]) =>
      list<{ data: NamedRoom[] }>("/admin/room-names", { rooms: joinNames(rooms) }),

    users: (query: { q?: string; role?: Role; status?: "active" | "disabled" | "banned" } & Newest = {}) =>
      list<Page<Account>>("/admin/users", query),
    updateUser: (userId: string, body: { role?: Role; disabled?: boolean }) =>
      request<Account>("PATCH", `/admin/users/${id(userId)}`, { body }),
    endSessions: (userId: string) => request<void>("DELETE", `/admin/users/${id(userId)}/sessions`),

    settings: () => list<{ data: Setting[] }>("/admin/settings"),
    /** Null resets it to the environment. */
    changeSettings: (body: Record<string, string | null>) =>
      request<{ data: Setting[] }>("PATCH", "/admin/settings", { body }),
    auditLog: (query: { actor_id?: string; action?: string; from?: string; to?: string } & Newest = {}) =>
      list<Page<AuditEntry>>("/admin/audit-log", query),

    tokens: {
      list: () => list<{ data: ServiceToken[] }>("/service-tokens"),
      create: (body: NewServiceToken) => request<IssuedServiceToken>("POST", "/service-tokens", { body }),
      /** `overlap_seconds`: how long the old secret stays valid beside the new one. */
      rotate: (tokenId: string, overlap_seconds?: number) =>
        request<IssuedServiceToken>("POST", `/service-tokens/${id(tokenId)}/rotate`, { body: { overlap_seconds } }),
      revoke: (tokenId: string) => request<void>("DELETE", `/service-tokens/${id(tokenId)}`),
    },

    webhooks: {
      list: () => list<{ data: WebhookEndpoint[] }>("/webhook-endpoints"),
      get: (endpointId: string) => list<WebhookEndpoint>(endpoint(endpointId)),
      /** `secret` is returned only this once. */
      create: (body: NewWebhookEndpoint) =>
        request<WebhookEndpoint & { secret: string }>("POST", "/webhook-endpoints", { body }),
      update: (endpointId: string, body: Partial<NewWebhookEndpoint> & { disabled?: boolean }) =>
        request<WebhookEndpoint>("PATCH", endpoint(endpointId), { body }),
      remove: (endpointId: string) => request<void>("DELETE", endpoint(endpointId)),
      rotateSecret: (endpointId: string, overlap_seconds?: number) =>
        request<{ secret: string }>("POST", `${endpoint(endpointId)}/rotate-secret`, { body: { overlap_seconds } }),
      test: (endpointId: string) =>
        request<{ delivery_id: string }>("POST", `${endpoint(endpointId)}/test`, { body: {} }),
      /** Sends again all failed deliveries of entries since a time. */
      replay: (endpointId: string, since: string) =>
        request<{ count: number }>("POST", `${endpoint(endpointId)}/replay`, { body: { since } }),
      deliveries: (endpointId: string, query: { status?: DeliveryStatus } & Newest = {}) =>
        list<Page<WebhookDelivery>>(`${endpoint(endpointId)}/deliveries`, query),
      delivery: (deliveryId: string) =>
        list<WebhookDelivery & { log: WebhookAttempt[] }>(`/webhook-deliveries/${id(deliveryId)}`),
      redeliver: (deliveryId: string) =>
        request<WebhookDelivery>("POST", `/webhook-deliveries/${id(deliveryId)}/redeliver`),
      /** The newest hundred. */
      parkedEntries: () => list<{ data: WebhookParkedEntry[] }>("/webhook-parked-entries"),
    },
  };
}
