import { BlockList, isIP } from "node:net";

const FAMILIES = { 4: "ipv4", 6: "ipv6" } as const;

/** The parts of an address (`bits` null) or of a range such as `10.0.0.0/8`; null: it is neither. */
export function splitRange(text: string): { address: string; version: 4 | 6; bits: number | null } | null {
  const [address = "", length, ...more] = text.split("/");
  const version = isIP(address);
  if ((version !== 4 && version !== 6) || address.includes("%") || more.length > 0) return null;
  if (length === undefined) return { address, version, bits: null };
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  return bits <= (version === 4 ? 32 : 128) ? { address, version, bits } : null;
}

/**
 * Whether an address is one of these, which are addresses and ranges. What is no address is not; `::ffff:192.0.2.1` is where
 * `192.0.2.1` is. A check compares with each entry, so this is for short lists: see `AddressRanges` for those that grow.
 */
export function createAddressList(entries: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of entries) {
    const range = splitRange(entry);
    if (range === null) throw new Error(`"${entry}" is neither an address nor a range`);
    const { address, version, bits } = range;
    if (bits === null) list.addAddress(address, FAMILIES[version]);
    else list.addSubnet(address, bits, FAMILIES[version]);
  }
  return (address) => {
    const version = isIP(address) as 0 | 4 | 6;
    return version !== 0 && list.check(address, FAMILIES[version]);
  };
}

const isLoopbackAddress = createAddressList(["127.0.0.0/8", "::1"]);

/** Whether a host is a name or an address that only this machine has for itself. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || isLoopbackAddress(host);
}
