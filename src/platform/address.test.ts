import { expect, test } from "bun:test";
import fc from "fast-check";
import { addressKey, normalizeAddress, splitIpv6 } from "./address.ts";

const groups = fc.array(fc.constantFrom(0, 0, 0, 1, 0xab, 0xffff), { minLength: 8, maxLength: 8 });

/** Every way to write an address: `choose` picks one where there are several. */
function write(parts: readonly number[], choose: (max: number) => number): string {
  const texts = parts.map((part) => {
    const text = part.toString(16).padStart([1, 4][choose(1)]!, "0");
    return choose(1) === 0 ? text : text.toUpperCase();
  });
  if (choose(1) === 0) {
    const [high, low] = parts.slice(6) as [number, number];
    texts.splice(6, 2, [high >> 8, high & 255, low >> 8, low & 255].join("."));
  }
  const zeros = texts.flatMap((text, i) => (/^0+$/.test(text) ? [i] : []));
  const start = zeros[choose(zeros.length)] ?? texts.length;
  let end = start;
  while (/^0+$/.test(texts[end] ?? "") && choose(3) > 0) end++;
  const zone = choose(3) === 0 ? "%eth0" : "";
  if (end === start) return texts.join(":") + zone;
  return `${texts.slice(0, start).join(":")}::${texts.slice(end).join(":")}${zone}`;
}

test("however an address is written, its groups, its usual form and its key are the same", () => {
  fc.assert(
    fc.property(groups, fc.gen(), (parts, gen) => {
      const text = write(parts, (max) => gen(fc.nat, { max }));
      expect(splitIpv6(text)).toEqual(parts);
      const plain = parts.map((part) => part.toString(16)).join(":");
      expect(normalizeAddress(text)).toBe(normalizeAddress(plain));
      expect(normalizeAddress(normalizeAddress(text))).toBe(normalizeAddress(text));
      expect(addressKey(text)).toBe(`${plain.split(":").slice(0, 4).join(":")}::/64`);
    }),
    { numRuns: 2_000 },
  );
});

test("the usual form is RFC 5952's, and IPv4 in IPv6 is IPv4", () => {
  expect(normalizeAddress("2001:DB8:0:0:1:0:0:1")).toBe("2001:db8::1:0:0:1");
  expect(normalizeAddress("1:2:3:4:5:6:7::")).toBe("1:2:3:4:5:6:7:0");
  expect(normalizeAddress("::FFFF:cb00:7105")).toBe("203.0.113.5");
  // Not that, but the deprecated form of RFC 4291, 2.5.5.1.
  expect(normalizeAddress("::203.0.113.5")).toBe("::cb00:7105");
  for (const kept of ["203.0.113.5", "", "unknown", "1.2.3", "::/64"]) expect(normalizeAddress(kept)).toBe(kept);
});
