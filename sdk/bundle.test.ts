import { expect, test } from "bun:test";
import { join } from "node:path";

test("the bundle for browsers contains nothing of zod or of the server", async () => {
  const { outputs, logs } = await Bun.build({
    entrypoints: [join(import.meta.dirname, "client.ts")],
    target: "browser",
    minify: true,
    sourcemap: "external",
  });
  expect(logs).toEqual([]);
  const map = JSON.parse(await outputs.find(({ kind }) => kind === "sourcemap")!.text()) as { sources: string[] };
  const others = map.sources.filter((source) => !/(^|\/)sdk\/[a-z-]+\.ts$/.test(source));
  expect(others).toEqual([]);
});
