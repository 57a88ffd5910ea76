// Run after every change of package.json. npm leaves optional packages of other platforms out of the lockfile when the
// registry it asked did not carry them; `npm ci` then refuses the lockfile as incomplete. This names them again: npm fetches
// such an entry by name and version on the platform that needs it, and nowhere else. Download addresses are taken out.
import fs from "node:fs";

const FILE = "package-lock.json";
const lock = JSON.parse(fs.readFileSync(FILE, "utf8"));

for (const parent of Object.values(lock.packages)) {
  delete parent.resolved;
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (lock.packages[place]) continue;
    const [os, cpu, libc] = name
      .split("/")
      .at(-1)
      .replace(/^(cli|binding)-/, "")
      .split("-");
    lock.packages[place] = {
      version,
      cpu: [cpu],
      ...(parent.dev ? { dev: true } : {}),
      ...(libc === "musl" ? { libc: ["musl"] } : {}),
      optional: true,
      os: [os],
    };
    console.log(`added ${name}@${version}`);
  }
}

const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries(sorted);
fs.writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
