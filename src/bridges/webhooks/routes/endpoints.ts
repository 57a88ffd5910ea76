import { z } from "zod";
import { getAuditActor } from "../../../platform/audit.ts";
import type { Api } from "../../../platform/http/api.ts";
import { route } from "../../../platform/http/route.ts";
import type { Deliveries } from "../deliveries.ts";
import type { Endpoints } from "../endpoints.ts";
import {
  ChangedEndpoint,
  Endpoint,
  EndpointWithSecret,
  endpointParams,
  NewEndpoint,
  Replay,
  Replayed,
  RotatedSecret,
  Rotation,
  TestEvent,
  TestSent,
} from "./schemas.ts";

const tag = "webhooks";
const one = "/api/v1/webhook-endpoints/{endpoint_id}";

const list = route({
  method: "get",
  path: "/api/v1/webhook-endpoints",
  summary: "Lists the webhook endpoints, the oldest first; at most 50",
  tag,
  auth: "admin",
  responses: { 200: { description: "Endpoints.", schema: z.object({ data: z.array(Endpoint) }) } },
});

const create = route({
  method: "post",
  path: "/api/v1/webhook-endpoints",
  summary: "Creates a webhook endpoint; its secret is shown here and never again",
  tag,
  auth: "admin",
  request: { body: NewEndpoint },
  responses: { 201: { description: "Created.", schema: EndpointWithSecret, headers: { Location: "Its URL." } } },
  errors: ["url_not_public", "full"],
});

const get = route({
  method: "get",
  path: one,
  summary: "Shows a webhook endpoint",
  tag,
  auth: "admin",
  request: { params: endpointParams },
  responses: { 200: { description: "The endpoint.", schema: Endpoint } },
});

const change = route({
  method: "patch",
  path: one,
  summary: "Changes a webhook endpoint, disables it, or enables it again with what waits for it",
  tag,
  auth: "admin",
  request: { params: endpointParams, body: ChangedEndpoint },
  responses: { 200: { description: "As it is now.", schema: Endpoint } },
  errors: ["url_not_public"],
});

const remove = route({
  method: "delete",
  path: one,
  summary: "Removes a webhook endpoint and all of its deliveries",
  tag,
  auth: "admin",
  request: { params: endpointParams },
  responses: { 204: { description: "Removed." } },
});

const rotate = route({
  method: "post",
  path: `${one}/rotate-secret`,
  summary: "Gives a webhook endpoint a new secret; for a while the old one signs too",
  tag,
  auth: "admin",
  request: { params: endpointParams, body: Rotation },
  responses: { 200: { description: "The new secret.", schema: RotatedSecret } },
});

const test = route({
  method: "post",
  path: `${one}/test`,
  summary: "Sends a test event to a webhook endpoint",
  tag,
  auth: "admin",
  request: { params: endpointParams, body: TestEvent },
  responses: { 202: { description: "It is on its way.", schema: TestSent } },
  errors: ["conflict"],
});

const replay = route({
  method: "post",
  path: `${one}/replay`,
  summary: "Sends again all failed deliveries of events since a time",
  tag,
  auth: "admin",
  request: { params: endpointParams, body: Replay },
  responses: { 202: { description: "They are on their way.", schema: Replayed } },
});

export function addEndpointRoutes(api: Api, endpoints: Endpoints, deliveries: Deliveries): void {
  api.openapi(list, async (c) => c.json({ data: await endpoints.list() }, 200));

  api.openapi(create, async (c) => {
    const made = await endpoints.create(getAuditActor(c), c.req.valid("json"));
    return c.json(made, 201, { Location: `/api/v1/webhook-endpoints/${made.id}` });
  });

  api.openapi(get, async (c) => c.json(await endpoints.get(c.req.valid("param").endpoint_id), 200));

  api.openapi(change, async (c) => {
    return c.json(await endpoints.change(getAuditActor(c), c.req.valid("param").endpoint_id, c.req.valid("json")), 200);
  });

  api.openapi(remove, async (c) => {
    await endpoints.remove(getAuditActor(c), c.req.valid("param").endpoint_id);
    return c.body(null, 204);
  });

  api.openapi(rotate, async (c) => {
    const overlap = c.req.valid("json").overlap_seconds * 1_000;
    return c.json(await endpoints.rotateSecret(getAuditActor(c), c.req.valid("param").endpoint_id, overlap), 200);
  });

  api.openapi(test, async (c) => {
    const { endpoint_id } = c.req.valid("param");
    return c.json(
      { delivery_id: await endpoints.test(getAuditActor(c), endpoint_id, c.req.valid("json").event_type) },
      202,
    );
  });

  api.openapi(replay, async (c) => {
    const since = new Date(c.req.valid("json").since);
    return c.json({ count: await deliveries.replay(getAuditActor(c), c.req.valid("param").endpoint_id, since) }, 202);
  });
}
