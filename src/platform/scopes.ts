import type { ServiceCaller } from "./caller.ts";

/** What a service token may be allowed to do. Which rooms, its patterns say. */
export const SCOPES = {
  broadcast: "send to a room",
  notify: "send to a person",
  stats: "read how many connections there are",
  changes: "read the log of all its rooms",
  history: "read what was in a room",
  presence: "read who is in a room",
  subscribe: "be in rooms with a socket or stream",
  "tokens:issue": "have tokens made for members, to act as they do",
} as const;

export type Scope = keyof typeof SCOPES;

/** Those that let a service see what is in its rooms. */
export const READ_SCOPES: readonly Scope[] = ["changes", "history", "presence", "subscribe"];

export const ALL_SCOPES = Object.keys(SCOPES) as Scope[];

/** The `tokenId` of callers of this machine itself, where gRPC needs no token: they have none that could be revoked. */
export const LOOPBACK = "loopback";

/** The caller that may do everything: GRPC_TOKEN, and the gRPC server's callers when it listens on loopback and needs no token. */
export function createUnlimitedService(name: string): ServiceCaller {
  return { kind: "service", tokenId: name, name, scopes: ALL_SCOPES, rooms: ["*"], expiresAt: null };
}
