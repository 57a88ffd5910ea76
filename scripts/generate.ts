import { join } from "node:path";
import { configDocs, envExample } from "../src/config/describe.ts";

/** Writes the files that are made from the option table. A test fails when they are out of step with it. */
const root = join(import.meta.dirname, "..");
await Bun.write(join(root, ".env.example"), envExample());
await Bun.write(join(root, "docs/config.md"), configDocs());
