import { join } from "node:path";
import { configDocs, envExample, helpText } from "../src/config/describe.ts";
import { loadDefinition } from "../src/transport/grpc/definition.ts";
import { findTool } from "../tests/support/tools.ts";
import { grafanaDashboard } from "./grafana-dashboard.ts";
import { metricsDocs } from "./metrics-docs.ts";
import { protoTypes } from "./proto-types.ts";

/** Writes the files that are made from the option table, the metrics and protocol/proto. Tests fail when they are out of step with them. */
const root = join(import.meta.dirname, "..");
await Bun.write(join(root, ".env.example"), envExample());
await Bun.write(join(root, "src/config/help.txt"), helpText());
await Bun.write(join(root, "docs/config.md"), configDocs());
await Bun.write(join(root, "docs/metrics.md"), metricsDocs());
await Bun.write(join(root, "deploy/grafana/usher.json"), grafanaDashboard());
await Bun.write(join(root, "protocol/proto/messages.ts"), protoTypes(loadDefinition()));

const buf = findTool("buf");
if (buf === null)
  console.warn("protocol/proto/descriptors.binpb is as it was: it is made by buf (sh scripts/test-tools.sh buf).");
else
  Bun.spawnSync([buf, "build", "--as-file-descriptor-set", "--exclude-source-info", "-o", "descriptors.binpb"], {
    cwd: join(root, "protocol/proto"),
  });
