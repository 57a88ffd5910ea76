import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { protoTypes } from "../../scripts/proto-types.ts";
import { loadDefinition, loadDescriptors, PROTO_FILES, PROTO_FOLDER } from "../../src/transport/grpc/definition.ts";
import { run } from "../support/grpc-stubs.ts";
import { testWith } from "../support/tools.ts";

test("the types are what `npm run generate` makes of the definitions", () => {
  expect(readFileSync(join(PROTO_FOLDER, "messages.ts"), "utf8")).toBe(protoTypes(loadDefinition()));
});

test("reflection knows every file, each whole", () => {
  const texts = loadDescriptors().map((bytes) => bytes.toString("latin1"));
  // And the two of Protocol Buffers themselves that they import.
  expect(texts).toHaveLength(PROTO_FILES.length + 2);
  for (const name of PROTO_FILES) expect(texts.some((text) => text.includes(name))).toBe(true);
});

testWith("buf")("the descriptors are what buf makes of the definitions, and buf reports nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "usher-test-"));
  const made = join(folder, "descriptors.binpb");
  try {
    await run(PROTO_FOLDER, ["buf", "build", "--as-file-descriptor-set", "--exclude-source-info", "-o", made]);
    expect(readFileSync(made).equals(readFileSync(join(PROTO_FOLDER, "descriptors.binpb")))).toBe(true);
    expect(await run(PROTO_FOLDER, ["buf", "lint"])).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the fixed numbers are unchanged", () => {
  const text = readFileSync(join(PROTO_FOLDER, "realtime.proto"), "utf8");
  const fixed = readFileSync(join(import.meta.dirname, "callers/fixed.proto"), "utf8");
  const fields = (source: string) =>
    new Set(
      [...source.matchAll(/^message (\w+) \{([^}]*)\}/gm)].flatMap(([, message, body = ""]) =>
        [...body.matchAll(/^ {2}([\w<>, ]+ \w+ = \d+);/gm)].map(([, field]) => `${message}: ${field}`),
      ),
    );
  expect(fields(fixed).size).toBeGreaterThan(40);
  expect([...fields(fixed)].filter((field) => !fields(text).has(field))).toEqual([]);
});
