import { createPrivateKey, X509Certificate } from "node:crypto";
import { availableParallelism } from "node:os";
import { z } from "zod";
import { splitRange } from "./address-list.ts";

// How the texts of options are read. The message of each error completes the sentence "NAME must be …".

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A hundred years: beyond it dates and intervals end. */
const MAX_DURATION_MS = 876_000 * UNITS.h!;
/** 576 hours, in ms: a longer timer of the runtime fires at once. */
const MAX_TIMER_MS = 576 * UNITS.h!;

/** `250ms`, `15s`, `1m30s`, `2h` → milliseconds. A bare number is refused: its unit is unknown. */
const durationUpTo = (max: number) =>
  z.string().transform((text, ctx) => {
    const parts = [...text.matchAll(/(\d{1,15})(ms|s|m|h)/g)];
    const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit!]!, 0);
    const isOne = parts.length > 0 && parts.map(([part]) => part).join("") === text;
    if (isOne && ms <= max) return ms;
    const message = isOne
      ? `at most ${max / UNITS.h!}h`
      : 'a duration with a unit, such as "250ms", "15s", "1m30s" or "2h"';
    ctx.addIssue({ code: "custom", message });
    return z.NEVER;
  });

/** A duration in ms. */
export const duration = durationUpTo(MAX_DURATION_MS);
/** One that something waits for. */
export const timeout = durationUpTo(MAX_TIMER_MS);

/** Whether an option is a duration: its number is ms. */
export const isDuration = (parse: unknown): boolean => parse === duration || parse === timeout;

/** A whole number from `min` to `max`. */
export const wholeNumber = (min: number, max: number) =>
  z.string().transform((text, ctx) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      ctx.addIssue({ code: "custom", message: `a whole number from ${min} to ${max}` });
      return z.NEVER;
    }
    return value;
  });

/** A port; 0 is any free one. */
export const port = wholeNumber(0, 65_535);

/** `true`, `on`, `1` or `yes`, and their opposites. */
export const flag = z
  .string()
  .transform((text, ctx) => {
    if (["true", "on", "1", "yes"].includes(text.toLowerCase())) return true;
    if (["false", "off", "0", "no"].includes(text.toLowerCase())) return false;
    ctx.addIssue({ code: "custom", message: "true or false" });
    return z.NEVER;
  })
  .meta({ choices: ["true", "false"] });

/** One of these words. */
export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z
    .string()
    .transform((text, ctx): T[number] => {
      if (!values.includes(text)) ctx.addIssue({ code: "custom", message: `one of ${values.join(", ")}` });
      return text as T[number];
    })
    .meta({ choices: values });

/** The values that an option can have, where these are few. */
export const getChoices = (parse: z.ZodType): string[] | null =>
  (parse.meta()?.choices as string[] | undefined) ?? null;

/** A URL with one of these protocols, such as `https:`. */
export const url = (...protocols: string[]) =>
  z.string().transform((text, ctx) => {
    if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text;
    ctx.addIssue({ code: "custom", message: `a URL that starts with ${protocols.map((p) => `${p}//`).join(" or ")}` });
    return z.NEVER;
  });

const list = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);

/** `https://app.example.org`: what a browser sends as Origin. Never "null" or "*": any site could act in its visitors' name. */
export const origins = list.transform((entries, ctx) =>
  entries.map((entry) => {
    const origin = parseOrigin(entry);
    if (origin === null)
      ctx.addIssue({ code: "custom", message: "origins such as https://app.example.org, without a path" });
    return origin ?? "";
  }),
);

function parseOrigin(entry: string): string | null {
  if (entry.length > 300 || entry.includes("*") || !URL.canParse(entry)) return null;
  const { protocol, origin, href } = new URL(entry);
  const isWeb = protocol === "http:" || protocol === "https:";
  return isWeb && href === `${origin}/` ? origin : null;
}

/** A list of addresses and ranges of them, such as `10.0.0.0/8`. */
export const ranges = list.transform((entries, ctx) => {
  if (entries.some((entry) => splitRange(entry) === null))
    ctx.addIssue({ code: "custom", message: "addresses or ranges such as 10.0.0.0/8" });
  return entries;
});

const ROLES = ["all", "edge", "api", "worker", "web"] as const;
/** The parts of Usher's work that a node can do. */
export type Role = (typeof ROLES)[number];

/** A list of roles. */
export const roles = list.transform((names, ctx): Role[] => {
  if (names.length > 0 && names.every((name) => (ROLES as readonly string[]).includes(name))) return names as Role[];
  ctx.addIssue({ code: "custom", message: `one or more of ${ROLES.join(", ")}, separated by commas` });
  return z.NEVER;
});

/** A number of processes, or `auto`: one for each core. */
export const workers = z.string().transform((text, ctx) => {
  if (text === "auto") return availableParallelism();
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 64) return value;
  ctx.addIssue({ code: "custom", message: "auto, or a whole number from 1 to 64" });
  return z.NEVER;
});

/** `host:port` or `host`, whose port is then Sentinel's usual one. */
export const sentinels = list.transform((addresses, ctx) =>
  addresses.map((address) => {
    const [, host = "", port = "26379"] = /^(\[[0-9a-fA-F:]+\]|[^:\s]+)(?::(\d{1,5}))?$/.exec(address) ?? [];
    if (host === "") ctx.addIssue({ code: "custom", message: "addresses such as host:26379, separated by commas" });
    return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  }),
);

/** A part of 1, such as 0.25. */
export const fraction = z.string().transform((text, ctx) => {
  const value = Number(text);
  if (!/^(?:\d+|\d*\.\d+)$/.test(text) || value > 1) {
    ctx.addIssue({ code: "custom", message: "a number from 0 to 1" });
    return z.NEVER;
  }
  return value;
});

/** Any text. */
export const text = z.string();

/** What can be sent as `Authorization: Bearer …` (RFC 6750 §2.1). */
export const bearerToken = text.regex(
  /^(?=.{16})[\w.~+/-]+=*$/,
  "at least 16 letters, digits and -._~+/ (with = at its end only), or no header can carry it; make one with: openssl rand -hex 32",
);

/** PEM as text, which NAME_FILE reads from a file; `read` throws when it is none. */
const pem = (what: string, read: (text: string) => unknown) =>
  text.refine((value) => {
    try {
      return read(value) !== null;
    } catch {
      return false;
    }
  }, `${what}, as PEM`);

/** A certificate, as PEM. */
export const certificate = pem("a certificate", (value) => new X509Certificate(value));
/** A private key without a passphrase, as PEM. */
export const privateKey = pem("a private key without a passphrase", createPrivateKey);

/** Whether it is the URL of a NATS server. */
export const isNatsUrl = (value: string) =>
  URL.canParse(value.trim()) && ["nats:", "tls:"].includes(new URL(value.trim()).protocol);
