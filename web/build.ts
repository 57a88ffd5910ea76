import { readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

/**
 * Builds the pages, compresses what browsers load, and moves the result to web/build: a build that fails or is interrupted
 * leaves the previous pages untouched. Run by Bun; ends with status 1 when the build fails.
 */

const here = import.meta.dir;
const staging = join(here, ".cache/build");
const cli = join(dirname(Bun.resolveSync("@react-router/dev/package.json", here)), "bin.cjs");
const child = Bun.spawn([process.execPath, "--bun", cli, "build", here, ...process.argv.slice(2)], {
  env: { ...process.env, NODE_ENV: "production" },
  stdout: "inherit",
  stderr: "inherit",
});
if ((await child.exited) !== 0) {
  console.error("The pages could not be built. The reason is above.");
  process.exit(1);
}

const client = join(staging, "client");
for (const name of await readdir(client, { recursive: true })) {
  if (!/\.(js|css|svg|webmanifest)$/.test(name)) continue;
  const bytes = await Bun.file(join(client, name)).bytes();
  await Bun.write(join(client, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  await Bun.write(join(client, `${name}.br`), brotliCompressSync(bytes));
}

const target = join(here, "build");
await rm(target, { recursive: true, force: true });
await rename(staging, target);
