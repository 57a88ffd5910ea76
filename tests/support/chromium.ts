import { existsSync } from "node:fs";

const USUAL_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The browser of the end-to-end tests: CHROMIUM, or one where systems usually put it; null when there is none. */
export function findChromium(): string | null {
  return [process.env.CHROMIUM, ...USUAL_PATHS].find((path) => path !== undefined && existsSync(path)) ?? null;
}
