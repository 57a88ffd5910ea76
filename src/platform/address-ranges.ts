import { isIP } from "node:net";
import { splitRange } from "../config/address-list.ts";
import { formatIpv6, normalizeAddress, splitIpv6 } from "./address.ts";

/** Bits of an IPv6 address that name a site; its owner can choose freely what follows them. */
const SITE_BITS = 64;
/** Bits before the IPv4 address in `::ffff:192.0.2.0/120`. */
const MAPPED_BITS = 96;

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
  const parts = splitRange(text);
  if (parts === null) return null;
  const address = normalizeAddress(parts.address);
  const version = isIP(address) === 4 ? 4 : 6;
  const maxBits = version === 4 ? 32 : SITE_BITS;
  const mappedBits = version === parts.version ? 0 : MAPPED_BITS;
  const bits = parts.bits === null ? maxBits : parts.bits - mappedBits;
  return bits >= 0 && bits <= maxBits ? { version, bits, prefix: leadingBits(address, version, bits) } : null;
}

/** The range as PostgreSQL's `cidr` writes it: with the bits after the prefix all 0. */
export function formatRange({ version, bits, prefix }: Range): string {
  if (version === 4) return `${groups(prefix << BigInt(32 - bits), 4, 8).join(".")}/${bits}`;
  const site = groups(prefix << BigInt(SITE_BITS - bits), 4, 16).map((group) => group.toString(16));
  return `${formatIpv6(`${site.join(":")}::`)}/${bits}`;
}

/** Whether one range has all of another in it. */
export function covers(wide: Range, narrow: Range): boolean {
  return (
    wide.version === narrow.version &&
    wide.bits <= narrow.bits &&
    narrow.prefix >> BigInt(narrow.bits - wide.bits) === wide.prefix
  );
}

/**
 * Ranges of addresses, each until some time; a look-up costs one step for each length of prefix among them, at most 98. Node's
 * `BlockList` compares with each range, and knows no time (ADR 12).
 */
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
  const [parts, size] = version === 4 ? [address.split(".").map(Number), 8] : [splitIpv6(address).slice(0, 4), 16];
  const all = parts.reduce((sum, part) => (sum << BigInt(size)) | BigInt(part), 0n);
  return all >> BigInt(parts.length * size - bits);
}

function groups(value: bigint, count: number, size: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    Number((value >> BigInt((count - 1 - i) * size)) & ((1n << BigInt(size)) - 1n)),
  );
}
