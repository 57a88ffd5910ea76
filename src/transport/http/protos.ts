import { join } from "node:path";
import type { Api } from "../../platform/http/api.ts";
import { PROTO_FILES, PROTO_FOLDER } from "../grpc/definition.ts";

/** The definitions of the gRPC services, as `/proto/realtime.proto` and so on, for those who write a client. */
export function addProtos(api: Api): void {
  for (const name of PROTO_FILES) {
    api.get(`/proto/${name}`, async (c) =>
      c.body(await Bun.file(join(PROTO_FOLDER, name)).text(), 200, {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "public, max-age=3600",
      }),
    );
  }
}
