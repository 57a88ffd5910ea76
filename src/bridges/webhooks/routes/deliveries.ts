import { z } from "zod";
import { page } from "../../../../protocol/objects.ts";
import { getAuditActor } from "../../../platform/audit.ts";
import type { Api } from "../../../platform/http/api.ts";
import { buildLinkHeader, linkHeader } from "../../../platform/http/paging.ts";
import { route } from "../../../platform/http/route.ts";
import type { Deliveries } from "../deliveries.ts";
import { Delivery, DeliveryList, DeliveryWithLog, deliveryParams, endpointParams, ParkedEntry } from "./schemas.ts";

const tag = "webhooks";

const list = route({
  method: "get",
  path: "/api/v1/webhook-endpoints/{endpoint_id}/deliveries",
  summary: "Lists the deliveries to a webhook endpoint, the newest first",
  tag,
  auth: "admin",
  request: { params: endpointParams, query: DeliveryList },
  responses: { 200: { description: "Deliveries.", schema: page(Delivery), headers: linkHeader } },
});

const get = route({
  method: "get",
  path: "/api/v1/webhook-deliveries/{delivery_id}",
  summary: "Shows a delivery and its last fifty attempts",
  tag,
  auth: "admin",
  request: { params: deliveryParams },
  responses: { 200: { description: "The delivery.", schema: DeliveryWithLog } },
});

const parked = route({
  method: "get",
  path: "/api/v1/webhook-parked-entries",
  summary:
    "Lists the entries of the log of which no deliveries could be made, the newest hundred first; stored for 14 days",
  tag,
  auth: "admin",
  responses: { 200: { description: "Entries, with the reason.", schema: z.object({ data: z.array(ParkedEntry) }) } },
});

const redeliver = route({
  method: "post",
  path: "/api/v1/webhook-deliveries/{delivery_id}/redeliver",
  summary: "Sends again what was delivered or given up, under the same webhook-id",
  tag,
  auth: "admin",
  request: { params: deliveryParams },
  responses: { 202: { description: "It is on its way.", schema: Delivery } },
  errors: ["conflict"],
});

export function addDeliveryRoutes(api: Api, deliveries: Deliveries): void {
  api.openapi(list, async (c) => {
    const found = await deliveries.list(c.req.valid("param").endpoint_id, c.req.valid("query"));
    return c.json(found, 200, buildLinkHeader(c.req.url, found));
  });

  api.openapi(parked, async (c) => c.json({ data: await deliveries.parked() }, 200));

  api.openapi(get, async (c) => c.json(await deliveries.get(getAuditActor(c), c.req.valid("param").delivery_id), 200));

  api.openapi(redeliver, async (c) => {
    return c.json(await deliveries.redeliver(getAuditActor(c), c.req.valid("param").delivery_id), 202);
  });
}
