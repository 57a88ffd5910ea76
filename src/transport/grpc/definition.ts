import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";

export const PROTO_FOLDER = join(import.meta.dirname, "../../../protocol/proto");
export const PROTO_FILES = [
  "realtime.proto",
  "realtime/v1/realtime.proto",
  "auth/auth.proto",
  "grpc/health/v1/health.proto",
  "google/rpc/error_details.proto",
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

export function getService(definition: PackageDefinition, name: string): ServiceDefinition {
  const service = definition[name];
  if (service === undefined || "format" in service) throw new Error(`protocol/proto has no service ${name}`);
  return service as ServiceDefinition;
}

/** What reflection shows: the compiler's own descriptors, since the loader makes wrong ones for maps, options and imports. */
export function loadDescriptors(): Buffer[] {
  const set = readFileSync(join(PROTO_FOLDER, "descriptors.binpb"));
  const files: Buffer[] = [];
  // A FileDescriptorSet is its files one after the other, each after the byte 10 and its length in seven bits a byte.
  for (let at = 0; at < set.length; ) {
    let length = 0;
    let shift = 0;
    at += 1;
    for (; (set[at]! & 128) !== 0; at++, shift += 7) length |= (set[at]! & 127) << shift;
    length |= set[at++]! << shift;
    files.push(set.subarray(at, at + length));
    at += length;
  }
  return files;
}
