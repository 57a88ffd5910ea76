import { expect, test } from "bun:test";
import { join } from "node:path";

const app = join(import.meta.dir, "..");
/** Physical sides. A shorthand of four values has them too, unless the second and the fourth are the same. */
const PHYSICAL = [
  /(margin|padding|border|scroll-margin|scroll-padding)-(left|right)\b/,
  /border-(top|bottom)-(left|right)-radius/,
  /(^|[\s;{])(left|right)\s*:/,
  /(text-align|float|clear)\s*:\s*(left|right)\b/,
];

function isOneSided(line: string): boolean {
  const values = /(?:margin|padding|inset|border-width)\s*:\s*(\S+)\s+(\S+)\s+(\S+)\s+([^;\s]+)/.exec(line);
  return values !== null && values[2] !== values[4];
}

test("no style sheet names a left or a right side, so that pages can be read from right to left", async () => {
  const found: string[] = [];
  for await (const path of new Bun.Glob("**/*.css").scan(app)) {
    for (const [index, line] of (await Bun.file(join(app, path)).text()).split("\n").entries()) {
      if (PHYSICAL.some((pattern) => pattern.test(line)) || isOneSided(line))
        found.push(`${path}:${index + 1} ${line}`);
    }
  }
  expect(found).toEqual([]);
});
