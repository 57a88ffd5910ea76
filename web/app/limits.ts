/** Limits that the pages show before the API would refuse. They repeat protocol/objects.ts, whose schemas stay out of the browser. */
export const MESSAGE_MAX = 8_000;
