import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configDocs, envExample, helpText } from "./describe.ts";
import { loadConfig } from "./load.ts";
import { OPTIONS } from "./options.ts";

const root = join(import.meta.dirname, "../..");

test(".env.example, docs/config.md and help.txt are in step with the option table (npm run generate)", () => {
  expect(readFileSync(join(root, ".env.example"), "utf8")).toBe(envExample());
  expect(readFileSync(join(root, "docs/config.md"), "utf8")).toBe(configDocs());
  expect(readFileSync(join(root, "src/config/help.txt"), "utf8")).toBe(helpText());
});

test(".env.example with its options switched on gives the defaults", () => {
  const dotenv = envExample().replaceAll(/^#(?=[A-Z_]+=)/gm, "");
  const read = (text: string | null) => loadConfig({ environment: {}, dotenv: text, readFile: () => "" });
  expect(read(dotenv)).toEqual(read(null));
});

test("--help names every option", () => {
  for (const name of Object.keys(OPTIONS)) expect(helpText()).toContain(`  ${name} `);
});
