import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { ALL_SCOPES, type Scope } from "../../src/platform/scopes.ts";
import { personToken, type ServerApiApp, startServerApiApp } from "../support/server-api.ts";

setDefaultTimeout(60_000);

/** Who may do what: every scope, every kind of room and of caller against every operation that services have. */

interface Operation {
  scope: Scope;
  method: "GET" | "POST";
  /** With the room that it touches; `null`: it touches none by name. */
  path: (room: string) => string;
  body?: object;
  rooms: readonly string[];
  /** People are allowed too, as far as they may join the room. */
  people?: true;
}

const OPERATIONS: Operation[] = [
  {
    scope: "broadcast",
    method: "POST",
    path: (room) => `/api/v1/rooms/${room}/broadcasts`,
    body: { event_type: "seat:sold", payload: {} },
    rooms: ["event:1", "event:22", "channel:5", "all"],
  },
  {
    scope: "notify",
    method: "POST",
    path: (room) => `/api/v1/users/${room.slice("user:".length)}/notices`,
    body: { event_type: "note:new", payload: {} },
    rooms: ["user:ann", "user:bob"],
  },
  {
    scope: "history",
    method: "GET",
    path: (room) => `/api/v1/rooms/${room}/history`,
    rooms: ["event:1", "event:22", "user:ann", "user:bob", "channel:5"],
    people: true,
  },
  {
    scope: "stats",
    method: "GET",
    path: (room) => `/api/v1/connections/stats?room=${room}`,
    rooms: ["event:1", "user:ann", "all"],
  },
  { scope: "changes", method: "GET", path: () => "/api/v1/changes", rooms: ["*"] },
];

const PATTERNS = [["*"], ["event:*"], ["event:1"], ["user:ann", "all"], ["channel:*", "user:b*"]];

/** Written again here, so that a mistake in the server's own is not repeated. */
function covers(patterns: readonly string[], room: string): boolean {
  return patterns.some((p) => p === room || (p.at(-1) === "*" && room.indexOf(p.slice(0, -1)) === 0));
}

let app: ServerApiApp;
let person: string;

beforeAll(async () => {
  app = await startServerApiApp();
  person = await personToken("ann");
});
afterAll(() => app.close());

const call = async (stream: Operation, room: string, token: string | null) =>
  (await app.request(token, stream.method, stream.path(room), stream.body)).status;

test("a service may do what its scopes allow in the rooms that its patterns cover, and nothing else", async () => {
  for (const scope of ALL_SCOPES) {
    for (const patterns of PATTERNS) {
      const token = await app.serviceToken([scope], patterns);
      for (const operation of OPERATIONS) {
        for (const room of operation.rooms) {
          const may = operation.scope === scope && (room === "*" || covers(patterns, room));
          const found = await call(operation, room, token);
          expect(`${scope} ${patterns} → ${operation.path(room)}: ${found}`).toBe(
            `${scope} ${patterns} → ${operation.path(room)}: ${may ? 200 : 403}`,
          );
        }
      }
    }
  }
});

test("people of any role are no services; a caller without a token may do nothing", async () => {
  for (const operation of OPERATIONS.filter(({ people }) => people === undefined)) {
    const statuses = await Promise.all(
      [person, app.owner, null].map((token) => call(operation, operation.rooms[0]!, token)),
    );
    expect([operation.scope, ...statuses]).toEqual([operation.scope, 403, 403, 401]);
  }
});

test("a person reads the history of rooms that they may join", async () => {
  const operation = OPERATIONS.find(({ scope }) => scope === "history")!;
  const statuses = await Promise.all(operation.rooms.map((room) => call(operation, room, person)));
  expect(Object.fromEntries(operation.rooms.map((room, i) => [room, statuses[i]]))).toEqual({
    "event:1": 200,
    "event:22": 200,
    "user:ann": 200,
    "user:bob": 404,
    "channel:5": 404,
  });
  expect(await call(operation, "event:1", null)).toBe(401);
});

test("a service is no person: routes of people refuse it, whatever its scopes", async () => {
  const token = await app.serviceToken(ALL_SCOPES);
  for (const path of ["/api/v1/users/me", "/api/v1/channels", "/api/v1/service-tokens", "/api/v1/admin/bans"]) {
    expect([path, (await app.request(token, "GET", path)).status]).toEqual([path, 403]);
  }
  const made = await app.request(token, "POST", "/api/v1/service-tokens", { name: "more", scopes: ["changes"] });
  expect(made.status).toBe(403);
  expect((await app.request(person, "GET", "/api/v1/service-tokens")).status).toBe(403);
});
