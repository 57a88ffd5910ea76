import type { Presence } from "../protocol/frames.ts";
import type { Channel, Me, Member, Message, Position, PublicUser, Role } from "../protocol/objects.ts";
import { createAdminCalls } from "./admin.ts";
import { createRequest, type HttpOptions, joinNames, type Query } from "./http.ts";
import type { Newest, Page, Paging } from "./page.ts";

/** A page of messages in the order of their `seq`, with the position in the channel's log at which it was read. */
export interface MessagePage extends Page<Message> {
  head_seq: number;
  epoch: string;
}

/** A page of channels. `position`: of the caller's own room at that moment, to follow it from. */
export interface ChannelPage extends Page<Channel> {
  position: Position;
}

/** Where a person's read mark is, and what is unread after it. */
export interface ReadMark {
  last_read_id: string;
  last_read_seq: number;
  /** At most 100, which means "99+". */
  unread: number;
  /** Head of the channel's log at which `unread` was counted. */
  last_seq: number;
}

/** What registering and signing in return. The browser also gets the session cookie. */
export interface SignedIn {
  user: Me;
  access_token: string;
  /** Seconds until the access token ends. */
  expires_in: number;
  refresh_token: string;
}

/** What refreshing returns. `refresh_token`: null when the session cookie was used instead. */
export interface Refreshed {
  access_token: string;
  /** Seconds until the access token ends. */
  expires_in: number;
  refresh_token: string | null;
}

export interface Session {
  id: string;
  device_name: string | null;
  ip: string | null;
  user_agent: string | null;
  created_at: string;
  last_seen_at: string;
  current: boolean;
}

export interface Meta {
  name: string;
  version: string;
  registration: "open" | "invite" | "closed";
  /** False until the first account, the owner's, is made. */
  set_up: boolean;
  /** Whether creating the first account from this address needs the set-up code. */
  setup_code_needed: boolean;
  features: string[];
  /** Maximum characters of a message, bytes of a request's body, bytes of a WebSocket frame. */
  limits: { message: number; body: number; frame: number };
  time: string;
}

/** A code with which people may register while `registration` is `invite`. */
export interface RegistrationInvite {
  id: string;
  code: string;
  /** The page to register on, with the code in it. */
  url: string;
  max_uses: number;
  uses: number;
  expires_at: string | null;
  created_by: string;
  created_at: string;
}

export interface Ban {
  id: string;
  /** A ban is of a person or of a range of addresses; the other is null. */
  user_id: string | null;
  username: string | null;
  ip_range: string | null;
  reason: string;
  /** Null: until it is lifted. */
  until: string | null;
  created_by: string;
  created_at: string;
}

/** A link to give to a user who forgot their password, where there is no mail server. */
export interface ResetLink {
  user_id: string;
  username: string;
  url: string;
  requested_at: string;
  expires_at: string;
}

export interface UnreadCounts {
  channels: { channel_id: string; unread: number }[];
  total: number;
}

export interface NewMessage {
  content: string;
  client_id?: string;
  reply_to_id?: string | null;
}

export interface NewChannel {
  type: "public" | "private" | "direct";
  name?: string;
  topic?: string;
  member_ids?: string[];
}

export type Rest = ReturnType<typeof createRest>;

/**
 * The REST API as typed calls. Every call throws UsherError when it fails.
 * It does not need the socket, so a page server can use it alone, with the visitor's cookie in `headers`.
 */
export function createRest(options: HttpOptions) {
  const request = createRequest(options);
  const get = <T>(path: string, query: Query = {}, signal?: AbortSignal) => request<T>("GET", path, { query, signal });
  const id = encodeURIComponent;

  return {
    meta: () => get<Meta>("/meta"),

    auth: {
      register: (body: {
        email: string;
        username: string;
        password: string;
        name?: string;
        phone?: string;
        invite_code?: string;
        setup_code?: string;
      }) => request<SignedIn>("POST", "/auth/register", { body }),
      login: (body: { email?: string; username?: string; password: string; device_name?: string }) =>
        request<SignedIn>("POST", "/auth/login", { body }),
      /** Without a token that of the cookie is used. A token that was used before ends the whole session. */
      refresh: (refresh_token?: string) =>
        request<Refreshed>("POST", "/auth/refresh", { body: refresh_token === undefined ? {} : { refresh_token } }),
      logout: () => request<void>("POST", "/auth/logout"),
      requestPasswordReset: (email: string) =>
        request<void>("POST", "/auth/password-reset-requests", { body: { email } }),
      resetPassword: (token: string, password: string) =>
        request<void>("POST", "/auth/password-resets", { body: { token, password } }),
      /** A token for one minute, to connect from a page that has only its cookie. */
      connectionToken: () =>
        request<{ token: string; expires_in: number }>("POST", "/auth/connection-tokens", { body: {} }),
      sessions: () => get<Session[]>("/auth/sessions"),
      revokeSession: (sessionId: string) => request<void>("DELETE", `/auth/sessions/${id(sessionId)}`),
      revokeOtherSessions: () => request<void>("DELETE", "/auth/sessions"),
    },

    users: {
      me: () => get<Me>("/users/me"),
      updateMe: (body: { name?: string | null; username?: string; phone?: string | null }) =>
        request<Me>("PATCH", "/users/me", { body }),
      changePassword: (current_password: string, new_password: string) =>
        request<void>("PUT", "/users/me/password", { body: { current_password, new_password } }),
      /** `ids`: up to 100, instead of a page. */
      list: ({ ids, ...query }: { q?: string; ids?: readonly string[] } & Paging = {}) =>
        get<Page<PublicUser>>("/users", {
          ...query,
          ids: ids && joinNames(ids),
        }),
      get: (userId: string) => get<PublicUser>(`/users/${id(userId)}`),
    },

    channels: {
      list: (query: { scope?: "joined" | "public"; type?: Channel["type"]; q?: string } & Paging = {}) =>
        get<ChannelPage>("/channels", { ...query }),
      /** For `direct`: the one that exists already, or a new one. */
      create: (body: NewChannel, idempotencyKey?: string) =>
        request<Channel>("POST", "/channels", { body, idempotencyKey }),
      get: (channelId: string) => get<Channel>(`/channels/${id(channelId)}`),
      update: (channelId: string, body: { name?: string; topic?: string | null }) =>
        request<Channel>("PATCH", `/channels/${id(channelId)}`, { body }),
      delete: (channelId: string) => request<void>("DELETE", `/channels/${id(channelId)}`),
      /** Continues when its page is closed. */
      markRead: (channelId: string, message_id: string) =>
        request<ReadMark>("PUT", `/channels/${id(channelId)}/read-mark`, { body: { message_id }, keepalive: true }),
    },

    members: {
      list: (channelId: string, query: { role?: Role; q?: string } & Paging = {}) =>
        get<Page<Member>>(`/channels/${id(channelId)}/members`, { ...query }),
      /** Joins (`me`) or adds a user. */
      add: (channelId: string, userId: string = "me", role?: Role) =>
        request<Member | undefined>("PUT", `/channels/${id(channelId)}/members/${id(userId)}`, {
          body: role === undefined ? {} : { role },
        }),
      setRole: (channelId: string, userId: string, role: Role) =>
        request<Member>("PATCH", `/channels/${id(channelId)}/members/${id(userId)}`, { body: { role } }),
      /** Leaves (`me`) or removes a user. */
      remove: (channelId: string, userId: string = "me") =>
        request<void>("DELETE", `/channels/${id(channelId)}/members/${id(userId)}`),
    },

    messages: {
      list: (channelId: string, query: Paging = {}, signal?: AbortSignal) =>
        get<MessagePage>(`/channels/${id(channelId)}/messages`, { ...query }, signal),
      /** A repeat with the same `client_id` is the same message. */
      send: (channelId: string, body: NewMessage) =>
        request<Message>("POST", `/channels/${id(channelId)}/messages`, { body }),
      get: (messageId: string) => get<Message>(`/messages/${id(messageId)}`),
      edit: (messageId: string, content: string) =>
        request<Message>("PATCH", `/messages/${id(messageId)}`, { body: { content } }),
      delete: (messageId: string) => request<void>("DELETE", `/messages/${id(messageId)}`),
      replies: (messageId: string, query: Paging = {}) =>
        get<Page<Message>>(`/messages/${id(messageId)}/replies`, { ...query }),
    },

    rooms: {
      /** Who is in a room now (`channel:<id>`); without `members` when there are more than 200. */
      presence: (room: string) => get<Omit<Presence, "room">>(`/rooms/${id(room)}/presence`),
    },

    unreadCounts: () => get<UnreadCounts>("/unread-counts"),

    /** For admins and the owner of the server. */
    invites: {
      list: (query: Newest = {}) => get<Page<RegistrationInvite>>("/registration-invites", { ...query }),
      /** `expires_in`: seconds; left out: seven days; null: never. */
      create: (body: { max_uses?: number; expires_in?: number | null } = {}) =>
        request<RegistrationInvite>("POST", "/registration-invites", { body }),
      remove: (inviteId: string) => request<void>("DELETE", `/registration-invites/${id(inviteId)}`),
    },

    /** For admins and the owner of the server. */
    bans: {
      list: (query: Newest = {}) => get<Page<Ban>>("/admin/bans", { ...query }),
      /** Of a person, whose sessions all end, or of a range of addresses. `until`: RFC 3339; null or left out: until it is lifted. */
      create: (body: { reason: string; until?: string | null } & ({ user_id: string } | { ip_range: string })) =>
        request<Ban>("POST", "/admin/bans", { body }),
      lift: (banId: string) => request<void>("DELETE", `/admin/bans/${id(banId)}`),
    },

    /** For admins and the owner of the server. */
    admin: createAdminCalls(request),

    /** Only for the owner of the server: a link gives access to its account. */
    resetLinks: () => get<{ data: ResetLink[] }>("/admin/password-reset-links"),
  };
}

/** The position in the log at which a page of messages was read: the stream continues from here without a gap. */
export function getPosition(page: MessagePage): Position {
  return { seq: page.head_seq, epoch: page.epoch };
}
