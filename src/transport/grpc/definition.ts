import { join } from "node:path";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";

export const PROTO_FOLDER = join(import.meta.dirname, "../../../protocol/proto");
export const PROTO_FILES = [
  "realtime.proto",
  "realtime/v1/realtime.proto",
  "auth/auth.proto",
  "grpc/health/v1/health.proto",
];

/** The services and messages of protocol/proto. Fields keep their names; what is not set has its default; 64 bits are numbers. */
export function loadDefinition(): PackageDefinition {
  return loadSync(PROTO_FILES, {
    includeDirs: [PROTO_FOLDER],
    keepCase: true,
    defaults: true,
    enums: String,
    longs: Number,
  });
}

export function serviceOf(definition: PackageDefinition, name: string): ServiceDefinition {
  const service = definition[name];
  if (service === undefined || "format" in service) throw new Error(`protocol/proto has no service ${name}`);
  return service as ServiceDefinition;
}
