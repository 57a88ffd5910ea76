import { isIP } from "node:net";

/** Bits of an IPv6 address that name a site; its owner can choose freely what follows them. */
const SITE_BITS = 64;

/** A range in its usual form. */
export interface Range {
  version: 4 | 6;
  bits: number;
  /** The first `bits` bits. */
  prefix: bigint;
}

/**
 * `192.0.2.0/24`, `2001:db8::/32`, or a single address: of IPv6 its /64, which is what one site has.
 *
 * @returns null when it is no range, or a part of a /64
 */
export function parseRange(text: string): Range | null {
  const [address = "", length, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0 || address.includes("%")) return null;
  const maxBits = version === 4 ? 32 : SITE_BITS;
  const bits = length === undefined ? maxBits : Number(length);
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || bits > maxBits)) return null;
  return { version: version as 4 | 6, bits, prefix: leadingBits(address, version as 4 | 6, bits) };
}

/** The range as PostgreSQL's `cidr` writes it: with the bits after the prefix all 0. */
export function formatRange({ version, bits, prefix }: Range): string {
  if (version === 4) return `${groups(prefix << BigInt(32 - bits), 4, 8).join(".")}/${bits}`;
  const parts = groups(prefix << BigInt(SITE_BITS - bits), 4, 16).map((group) => group.toString(16));
  return `${new URL(`http://[${parts.join(":")}::]`).hostname.slice(1, -1)}/${bits}`;
}

/** Whether one range has all of another in it. */
export function covers(wide: Range, narrow: Range): boolean {
  return (
    wide.version === narrow.version &&
    wide.bits <= narrow.bits &&
    narrow.prefix >> BigInt(narrow.bits - wide.bits) === wide.prefix
  );
}

/** Ranges of addresses, each until some time; a look-up costs one step for each length of prefix among them, at most 98. */
export class AddressRanges {
  /** Version → bits → prefix → until, in Unix ms. IPv4 prefixes as numbers: they are looked up most often. */
  readonly #v4: Map<number, number>[] = [];
  readonly #v6: Map<bigint, number>[] = [];

  constructor(ranges: Iterable<{ range: Range; until: number }>) {
    for (const { range, until } of ranges) {
      const { version, bits, prefix } = range;
      if (version === 4) put(this.#v4, bits, Number(prefix), until);
      else put(this.#v6, bits, prefix, until);
    }
  }

  /**
   * @param address plain, or the `…::/64` of `addressKey`; anything else is in no range
   * @param now Unix ms
   */
  has(address: string, now: number): boolean {
    if (this.#v4.length === 0 && this.#v6.length === 0) return false;
    const bare = address.endsWith("::/64") ? address.slice(0, -3) : address;
    const version = isIP(bare);
    if (version === 4) return this.#has4(bare, now);
    return version === 6 && this.#v6.length > 0 && this.#has6(leadingBits(bare, 6, SITE_BITS), now);
  }

  #has4(address: string, now: number): boolean {
    if (this.#v4.length === 0) return false;
    const number = Number(leadingBits(address, 4, 32));
    return this.#v4.some((prefixes, bits) => (prefixes.get(Math.floor(number / 2 ** (32 - bits))) ?? 0) > now);
  }

  #has6(site: bigint, now: number): boolean {
    return this.#v6.some((prefixes, bits) => (prefixes.get(site >> BigInt(SITE_BITS - bits)) ?? 0) > now);
  }
}

function put<K>(byBits: Map<K, number>[], bits: number, prefix: K, until: number): void {
  const prefixes = byBits[bits] ?? new Map<K, number>();
  byBits[bits] = prefixes;
  prefixes.set(prefix, Math.max(until, prefixes.get(prefix) ?? 0));
}

/** The first bits of an address; of IPv6 at most 64 are looked at. */
function leadingBits(address: string, version: 4 | 6, bits: number): bigint {
  if (version === 4) {
    const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    return BigInt(Math.floor(number / 2 ** (32 - bits)));
  }
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  // An IPv4 address at the end is two groups.
  const tailLength = tail === undefined || tail === "" ? 0 : tail.split(":").length + (tail.includes(".") ? 1 : 0);
  const filled = tail === undefined ? before : [...before, ...Array<string>(8 - before.length - tailLength).fill("0")];
  const all = tail === undefined || tail === "" ? filled : [...filled, ...tail.split(":")];
  const site = all.slice(0, 4).reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  return site >> BigInt(SITE_BITS - bits);
}

function groups(value: bigint, count: number, size: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    Number((value >> BigInt((count - 1 - i) * size)) & ((1n << BigInt(size)) - 1n)),
  );
}
