import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

const DAYS = 30;
const DAY_MS = 86_400_000;

/**
 * A key (P-256) and a certificate for a host, by name or address, that only the tests trust, both PEM. It signs itself and
 * is its own authority, as RFC 5280 writes it; good for 30 days.
 *
 * @param alsoFor further names and addresses
 */
export function certificateFor(host: string, alsoFor: string[] = []): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const name = sequence(der(0x31, sequence(oid.commonName, der(0x0c, Buffer.from(host)))));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, Buffer.of(1, ...randomBytes(8))),
    sequence(oid.ecdsaWithSha256),
    name,
    sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAYS * DAY_MS)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        sequence(oid.basicConstraints, der(0x04, sequence(der(0x01, Buffer.of(0xff))))),
        sequence(oid.subjectAltName, der(0x04, sequence(...[host, ...alsoFor].map(generalName)))),
      ),
    ),
  );
  const signature = der(0x03, Buffer.of(0), sign("sha256", body, privateKey));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: pem("CERTIFICATE", sequence(body, sequence(oid.ecdsaWithSha256), signature)),
  };
}

const oid = {
  commonName: der(0x06, Buffer.from("550403", "hex")),
  basicConstraints: der(0x06, Buffer.from("551d13", "hex")),
  subjectAltName: der(0x06, Buffer.from("551d11", "hex")),
  ecdsaWithSha256: der(0x06, Buffer.from("2a8648ce3d040302", "hex")),
};

/** One value in DER: tag, length, content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const bytes = Buffer.concat(content);
  const length =
    bytes.length < 0x80
      ? [bytes.length]
      : bytes.length < 0x100
        ? [0x81, bytes.length]
        : [0x82, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), bytes]);
}

function sequence(...content: Buffer[]): Buffer {
  return der(0x30, ...content);
}

/** YYMMDDHHMMSSZ. */
function utcTime(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, "").slice(2, 14)}Z`));
}

function generalName(host: string): Buffer {
  if (isIP(host) === 0) return der(0x82, Buffer.from(host));
  if (isIP(host) === 4) return der(0x87, Buffer.from(host.split(".").map(Number)));
  throw new Error(`No certificate is made for an IPv6 address: ${host}`);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
