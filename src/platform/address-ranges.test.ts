import { expect, test } from "bun:test";
import fc from "fast-check";
import { addressKey } from "./address.ts";
import { AddressRanges, covers, formatRange, parseRange } from "./address-ranges.ts";

const FOREVER = Number.POSITIVE_INFINITY;
const ranges = (...texts: string[]) =>
  new AddressRanges(texts.map((text) => ({ range: parseRange(text)!, until: FOREVER })));

test("ranges are written in their usual form", () => {
  const usual = (text: string) => formatRange(parseRange(text)!);
  expect(usual("192.0.2.77/24")).toBe("192.0.2.0/24");
  expect(usual("192.0.2.77")).toBe("192.0.2.77/32");
  expect(usual("0.0.0.0/0")).toBe("0.0.0.0/0");
  expect(usual("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(usual("2001:DB8::/32")).toBe("2001:db8::/32");
  expect(usual("::1")).toBe("::/64");
  // IPv4 in IPv6 is IPv4, as for every address that is looked up.
  expect(usual("::ffff:192.0.2.77")).toBe("192.0.2.77/32");
  expect(usual("::FFFF:c000:24d/120")).toBe("192.0.2.0/24");
  for (const wrong of [
    "",
    "x",
    "1.2.3",
    "1.2.3.4/33",
    "1.2.3.4/",
    "1.2.3.4/8/8",
    "::/65",
    "2001:db8::1/128",
    "fe80::1%eth0",
    "::ffff:192.0.2.77/95",
  ])
    expect(parseRange(wrong)).toBeNull();
});

test("a range in its usual form is the same range, and covers itself and what begins with it", () => {
  const one = fc.tuple(fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 }), fc.nat(64)).map(([groups, bits]) => {
    const start = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
    return { text: `${groups.map((group) => group.toString(16)).join(":")}::/${bits}`, start, bits };
  });
  fc.assert(
    fc.property(one, one, fc.boolean(), (wide, other, isInside) => {
      const free = BigInt(64 - wide.bits);
      const start = isInside ? ((wide.start >> free) << free) | (other.start & ((1n << free) - 1n)) : other.start;
      const groups = [48n, 32n, 16n, 0n].map((shift) => ((start >> shift) & 0xffffn).toString(16));
      const [range, narrow] = [parseRange(wide.text)!, parseRange(`${groups.join(":")}::/${other.bits}`)!];
      expect(parseRange(formatRange(range))).toEqual(range);
      expect(covers(range, range)).toBe(true);
      expect(covers(range, narrow)).toBe(wide.bits <= other.bits && start >> free === wide.start >> free);
    }),
    { numRuns: 1_000 },
  );
});

test("a range covers what is in it, and itself", () => {
  const covered = (wide: string, narrow: string) => covers(parseRange(wide)!, parseRange(narrow)!);
  expect(covered("10.0.0.0/8", "10.1.2.3")).toBe(true);
  expect(covered("10.1.2.3", "10.0.0.0/8")).toBe(false);
  expect(covered("::/0", "2001:db8::1")).toBe(true);
  expect(covered("0.0.0.0/0", "::1")).toBe(false);
});

test("an address is in a range exactly when its bits begin with the range's", () => {
  // Few different bits, so that ranges and addresses often match.
  const part4 = fc.constantFrom(0, 1, 128, 255);
  const part6 = fc.constantFrom(0, 1, 0x8000, 0xffff);
  const toBits = (parts: number[], size: number) => parts.map((part) => part.toString(2).padStart(size, "0")).join("");
  // `::ffff:…` is IPv4, and has tests of its own.
  const isMapped = (parts: number[]) => parts.slice(0, 5).every((part) => part === 0) && parts[5] === 0xffff;
  const address = fc.oneof(
    fc
      .tuple(part4, part4, part4, part4)
      .map((parts) => ({ text: parts.join("."), bits: toBits(parts, 8), maxBits: 32 })),
    fc
      .array(part6, { minLength: 8, maxLength: 8 })
      .filter((parts) => !isMapped(parts))
      .map((parts) => ({
        text: parts.map((part) => part.toString(16)).join(":"),
        bits: toBits(parts, 16),
        maxBits: 64,
      })),
  );
  const range = fc.tuple(address, fc.nat(64)).map(([one, length]) => ({ ...one, length: length % (one.maxBits + 1) }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 6 }), address, (list, candidate) => {
      const ours = ranges(...list.map(({ text, length }) => `${text}/${length}`));
      const inside = list.some(
        (one) => one.maxBits === candidate.maxBits && candidate.bits.startsWith(one.bits.slice(0, one.length)),
      );
      expect(ours.has(candidate.text, 0)).toBe(inside);
      expect(ours.has(addressKey(candidate.text), 0)).toBe(inside);
    }),
    { numRuns: 1_000 },
  );
});

test("addresses are read in every form", () => {
  const some = ranges("2001:db8::/32", "::/64");
  for (const inside of ["2001:db8::", "2001:db8::1", "2001:db8:1:2:3:4:5:6", "::1", "::", "::ffff:1.2.3.4"])
    expect(some.has(inside, 0)).toBe(true);
  for (const outside of ["2001:db9::1", "1::", "", "nonsense", "1.2.3.4", "::/0", "1:2:3:4::/64"])
    expect(some.has(outside, 0)).toBe(false);
});

test("a ban ends at its time; of two for one range the longer counts", () => {
  const range = parseRange("10.0.0.0/8")!;
  const both = new AddressRanges([
    { range, until: 200 },
    { range, until: 100 },
  ]);
  expect([both.has("10.1.1.1", 199), both.has("10.1.1.1", 200)]).toEqual([true, false]);
});
