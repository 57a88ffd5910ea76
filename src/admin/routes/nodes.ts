import { z } from "zod";
import { Time } from "../../../protocol/objects.ts";
import { RoomName, UserId } from "../../../protocol/rooms.ts";
import { patternText } from "../../../protocol/text.ts";
import { getAuditActor } from "../../platform/audit.ts";
import type { Api } from "../../platform/http/api.ts";
import { buildLinkHeader, linkHeader } from "../../platform/http/paging.ts";
import { route } from "../../platform/http/route.ts";
import { findBusiestRooms } from "../busiest-rooms.ts";
import type { AdminDeps } from "../deps.ts";
import type { Nodes } from "../nodes.ts";

const tag = "admin";
const partial = z.boolean().meta({ description: "Some node did not respond in time." });

export const Node = z
  .object({
    id: z.string(),
    version: z.string(),
    roles: z.array(z.string()),
    host: z.string(),
    address: z.string(),
    started_at: Time,
    draining: z.boolean(),
    broker: z.enum(["ok", "deaf", "away"]).meta({
      description:
        "`deaf`: this node receives nothing from the broker although others do (isolated); `away`: no node receives.",
    }),
    lag_ms: z.number().int().min(0).meta({
      description:
        "How far it lags the log: ms since the moment up to which it has seen all of it, as it reported within the last 3 s. Up to 1,000 while nothing happens.",
    }),
    connections: z.number().int(),
    rss: z.number().meta({ description: "Bytes of memory." }),
  })
  .meta({ id: "Node" });

const ConnectionId = patternText(20, /^\d{1,4}-\d{1,15}$/, "the id of a connection");
const NodeId = z.object({ node_id: patternText(4, /^\d+$/, "the number of a node") });

export const ConnectionInfo = z
  .object({
    id: z.string(),
    user_id: UserId.nullable(),
    username: z.string().nullable(),
    session_id: z.string().nullable(),
    address: z.string().meta({ description: "Of an IPv6 address its /64." }),
    opened_at: Time,
    rooms: z.array(z.string()).meta({ description: "The first hundred." }),
    room_count: z.number().int(),
  })
  .meta({ id: "ConnectionInfo" });

export const RoomInfo = z.object({
  room: z.string(),
  connections: z.number().int(),
  head_seq: z.number().int().nullable(),
});

const nodesRoute = route({
  method: "get",
  path: "/api/v1/admin/nodes",
  summary: "Lists the live nodes, as they reported themselves within the last seconds",
  tag,
  auth: "admin",
  responses: { 200: { description: "Nodes.", schema: z.object({ data: z.array(Node) }) } },
});

const drainRoute = route({
  method: "post",
  path: "/api/v1/admin/nodes/{node_id}/drain",
  summary: "Drains a node: it sends its connections to others and accepts none until it is restarted",
  tag,
  auth: "admin",
  request: {
    params: NodeId,
    body: z.strictObject({
      seconds: z
        .number()
        .int()
        .min(1)
        .max(600)
        .default(10)
        .meta({ description: "Time over which the connections are closed." }),
    }),
  },
  responses: { 202: { description: "The request has been sent to the node." } },
});

const connectionsRoute = route({
  method: "get",
  path: "/api/v1/admin/connections",
  summary: "Lists the open connections of all nodes",
  tag,
  auth: "admin",
  request: {
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(100).default(20),
      after: ConnectionId.optional(),
      user_id: UserId.optional(),
      room: RoomName.optional(),
      node: z.coerce.number().int().min(0).max(1_023).optional(),
    }),
  },
  responses: {
    200: {
      description: "Connections, sorted by node and age.",
      schema: z.object({
        data: z.array(ConnectionInfo),
        next: z.string().nullable(),
        prev: z.string().nullable(),
        partial,
      }),
      headers: linkHeader,
    },
  },
});

const closeRoute = route({
  method: "delete",
  path: "/api/v1/admin/connections/{connection_id}",
  summary: "Closes a connection with 4011; its client may reconnect",
  tag,
  auth: "admin",
  request: { params: z.object({ connection_id: ConnectionId }) },
  responses: { 204: { description: "Closed, within a second." } },
});

const roomsRoute = route({
  method: "get",
  path: "/api/v1/admin/rooms",
  summary: "Lists the hundred rooms with the most connections",
  tag,
  auth: "admin",
  responses: {
    200: {
      description: "Rooms, the fullest first.",
      schema: z.object({
        data: z.array(RoomInfo),
        partial,
      }),
    },
  },
});

export function addNodeRoutes(api: Api, deps: Pick<AdminDeps, "sql" | "realtime">, nodes: Nodes): void {
  api.openapi(nodesRoute, (c) => c.json({ data: nodes.list() }, 200));

  api.openapi(drainRoute, async (c) => {
    await nodes.drain(getAuditActor(c), c.req.valid("param").node_id, c.req.valid("json").seconds);
    return c.body(null, 202);
  });

  api.openapi(connectionsRoute, async (c) => {
    const { user_id, ...query } = c.req.valid("query");
    const page = await deps.realtime.cluster.listConnections({ ...query, userId: user_id });
    const data = page.data.map((each) => ({ ...each, opened_at: new Date(each.opened_at).toISOString() }));
    return c.json({ ...page, data, prev: null }, 200, buildLinkHeader(c.req.url, { next: page.next, prev: null }));
  });

  api.openapi(closeRoute, async (c) => {
    await nodes.close(getAuditActor(c), c.req.valid("param").connection_id);
    return c.body(null, 204);
  });

  api.openapi(roomsRoute, async (c) => c.json(await findBusiestRooms(deps), 200));
}
