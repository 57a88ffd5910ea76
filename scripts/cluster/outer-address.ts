import { networkInterfaces } from "node:os";

/** An IPv4 address by which other machines reach this one; null: it has none. */
export function outerAddress(): string | null {
  const addresses = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? null;
}
