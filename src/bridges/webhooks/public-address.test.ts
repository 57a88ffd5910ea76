import { expect, test } from "bun:test";
import { isPublic, NotPublicError, refuseLiteral, resolvePublic } from "./public-address.ts";

test("addresses of the public internet are public", () => {
  for (const address of [
    "1.1.1.1",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "223.255.255.255",
  ]) {
    expect([address, isPublic(address)]).toEqual([address, true]);
  }
  for (const address of ["2606:4700::1111", "2a00:1450:4001:812::200e", "2001:4860:4860::8888"]) {
    expect([address, isPublic(address)]).toEqual([address, true]);
  }
});

test("internal addresses, and those of tunnels, of many hosts or of none are not", () => {
  const inside = [
    ...[
      "0.0.0.0",
      "10.0.0.1",
      "100.64.0.1",
      "127.0.0.1",
      "127.9.9.9",
      "169.254.169.254",
      "172.16.0.1",
      "172.31.255.255",
    ],
    ...[
      "192.0.0.8",
      "192.168.1.1",
      "198.18.0.1",
      "203.0.113.7",
      "224.0.0.1",
      "239.1.1.1",
      "240.0.0.1",
      "255.255.255.255",
    ],
    ...["::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1"],
    ...[
      "2001::1",
      "2001:db8::1",
      "2002:7f00:1::1",
      "3fff::1",
      "5f00::1",
      "fc00::1",
      "fd12::1",
      "fe80::1",
      "fe80::1%eth0",
    ],
    ...["fec0::1", "ff02::1", "example.org", ""],
  ];
  for (const address of inside) expect([address, isPublic(address)]).toEqual([address, false]);
});

test("an address instead of a name is refused, however it is written", () => {
  const hosts = ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:10.0.0.1]", "10.0.0.1."];
  for (const host of hosts) expect(() => refuseLiteral(new URL(`https://${host}/`))).toThrow(NotPublicError);
  refuseLiteral(new URL("https://1.1.1.1/"));
  refuseLiteral(new URL("https://localhost/")); // a name: only its addresses can be refused
});

test("a name is refused when one of its addresses is internal", async () => {
  const resolve = async () => ["93.184.216.34", "10.0.0.1"].map((address) => ({ address, family: 4 }));
  await expect(resolvePublic("both.example", resolve)).rejects.toThrow("both.example leads to 10.0.0.1");
});
