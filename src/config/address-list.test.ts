import { expect, test } from "bun:test";
import fc from "fast-check";
import { createAddressList, isLoopback, splitRange } from "./address-list.ts";

interface Address {
  text: string;
  /** As a number of 128 bits; of IPv4 that of `::ffff:…`. */
  value: bigint;
  version: 4 | 6;
}

// Few different parts, so that ranges and addresses often match.
const ipv4 = fc.array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: 4, maxLength: 4 }).map(
  (parts): Address => ({
    text: parts.join("."),
    value: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0xffffn),
    version: 4,
  }),
);
const ipv6 = fc.array(fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff), { minLength: 8, maxLength: 8 }).map(
  (parts): Address => ({
    text: parts.map((part) => part.toString(16)).join(":"),
    value: parts.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n),
    version: 6,
  }),
);
const mapped = ipv4.map((one): Address => ({ ...one, text: `::ffff:${one.text}`, version: 6 }));
const address = fc.oneof(ipv4, ipv6, mapped);
const range = fc.tuple(address, fc.nat(128)).map(([one, length]) => {
  const bits = one.version === 4 ? length % 33 : length;
  return { text: `${one.text}/${bits}`, start: one.value, freeBits: BigInt((one.version === 4 ? 32 : 128) - bits) };
});

test("an address is in a list exactly when it is one of its addresses, or begins as one of its ranges does", () => {
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 5 }),
      fc.array(address, { maxLength: 3 }),
      address,
      (ranges, singles, one) => {
        const isListed = createAddressList([...ranges, ...singles].map(({ text }) => text));
        const expected =
          singles.some(({ value }) => value === one.value) ||
          ranges.some(({ start, freeBits }) => start >> freeBits === one.value >> freeBits);
        expect(isListed(one.text)).toBe(expected);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("what is no address is in no list, and a zone does not matter", () => {
  const isListed = createAddressList(["0.0.0.0/0", "::/0"]);
  for (const none of ["", "unknown", "1.2.3", "010.0.0.1", "1.2.3.4:80", "[::1]", "::/64", "localhost"])
    expect([none, isListed(none)]).toEqual([none, false]);
  expect(createAddressList(["fe80::/10"])("fe80::1%eth0")).toBe(true);
  expect(createAddressList([])("1.2.3.4")).toBe(false);
});

test("a range is an address with or without a length that fits it", () => {
  expect(splitRange("10.0.0.0/8")).toEqual({ address: "10.0.0.0", version: 4, bits: 8 });
  expect(splitRange("2001:db8::/128")).toEqual({ address: "2001:db8::", version: 6, bits: 128 });
  expect(splitRange("::1")).toEqual({ address: "::1", version: 6, bits: null });
  for (const wrong of [
    "",
    "/8",
    "1.2.3.4/33",
    "::/129",
    "1.2.3.4/",
    "1.2.3.4/-1",
    "1.2.3.4/8/8",
    "1.2.3.4/1e1",
    "fe80::1%e0",
  ])
    expect([wrong, splitRange(wrong)]).toEqual([wrong, null]);
  expect(() => createAddressList(["10.0.0.0/33"])).toThrow('"10.0.0.0/33" is neither an address nor a range');
});

test("only names and addresses that every machine has for itself are loopback", () => {
  for (const own of ["localhost", "127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"])
    expect([own, isLoopback(own)]).toEqual([own, true]);
  for (const other of [
    "",
    "localhost.example",
    "127.0.0.1.example",
    "128.0.0.1",
    "0.0.0.0",
    "::",
    "::2",
    "::127.0.0.1",
  ])
    expect([other, isLoopback(other)]).toEqual([other, false]);
});
