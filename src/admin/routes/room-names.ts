import { z } from "zod";
import { RoomName } from "../../../protocol/rooms.ts";
import { getAuditActor } from "../../platform/audit.ts";
import type { Api } from "../../platform/http/api.ts";
import { nameList } from "../../platform/http/name-list.ts";
import { route } from "../../platform/http/route.ts";
import type { AdminDeps } from "../deps.ts";
import { listRoomNames } from "../room-names.ts";

export const NamedRoom = z.object({
  room: z.string(),
  name: z.string().nullable().meta({ description: "Null: a direct chat." }),
  kind: z.enum(["public", "private", "direct", "person"]),
});

const namesRoute = route({
  method: "get",
  path: "/api/v1/admin/room-names",
  summary: "Lists the names of rooms: of channels and of users' own rooms",
  tag: "admin",
  auth: "admin",
  request: {
    query: z.strictObject({
      rooms: nameList(RoomName, 100, "Up to 100 rooms, separated by commas."),
    }),
  },
  responses: {
    200: {
      description:
        "Those that have a name which the caller may see: an owner of the server all, an admin those of public channels and of their own.",
      schema: z.object({ data: z.array(NamedRoom) }),
    },
  },
});

export function addRoomNamesRoute(api: Api, deps: Pick<AdminDeps, "roomNames">): void {
  api.openapi(namesRoute, async (c) =>
    c.json({ data: await listRoomNames(deps, getAuditActor(c).caller, c.req.valid("query").rooms) }, 200),
  );
}
