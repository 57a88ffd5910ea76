/** Limits that the pages show before the API would refuse. A copy of those of protocol/objects.ts, whose schemas are not in the bundle. */
export const MESSAGE_MAX = 8_000;
