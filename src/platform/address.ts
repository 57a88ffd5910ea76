import { isIP } from "node:net";

/** In the one form that bans, limits and lists compare: RFC 5952, without a zone, and `::ffff:…` as IPv4. What is no address stays. */
export function normalizeAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const text = formatIpv6(address);
  if (!/^::ffff:[\da-f]+:[\da-f]+$/.test(text)) return text;
  return splitIpv6(text)
    .slice(6)
    .flatMap((group) => [group >> 8, group & 255])
    .join(".");
}

/** The eight groups of an IPv6 address in any form. */
export function splitIpv6(address: string): number[] {
  const [before = [], after = []] = formatIpv6(address)
    .split("::")
    .map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}

/** An IPv6 address as RFC 5952 writes it, without a zone: what `URL` makes of it. Why not a package: ADR 12. */
export function formatIpv6(address: string): string {
  const [withoutZone = ""] = address.split("%");
  // Bun's URL refuses some addresses that end with IPv4, such as 1:2:3:4::192.0.2.1.
  const groups = withoutZone.replace(/:(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  return new URL(`http://[${groups}]`).hostname.slice(1, -1);
}

/** Whose requests count together: an IPv4 address, or the /64 that one IPv6 site has. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const site = splitIpv6(address).slice(0, 4);
  return `${site.map((group) => group.toString(16)).join(":")}::/64`;
}
