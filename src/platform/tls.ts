import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { StartError } from "../config/start-error.ts";
import type { Logger } from "./logger.ts";

/** A certificate with those that vouch for it, and its key; both PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The certificate that this server shows, renewed while it runs. */
export interface Tls {
  readonly pair: KeyPair;
  /** Told of a renewed pair: from then on new connections are to be shown that one; the open ones live on. */
  onChange(listener: (pair: KeyPair) => void): void;
  /** Reads the files again. A pair that cannot be meant is told in the log, and the old one stays. */
  reload(): void;
  stop(): void;
}

interface Files {
  certFile: string;
  keyFile: string;
}

const LOOK_EVERY_MS = 1_000;

/**
 * Reads the pair and looks at its files once a second: whoever renews certificates need not tell us. It looks and does not
 * listen, because a mounted secret is renewed by turning a link to another folder.
 *
 * @throws StartError with a sentence when the pair cannot be meant
 */
export function createTls(files: Files, logger: Logger): Tls {
  let pair = readPair(files);
  let read = state(files);
  let seen = read;
  const listeners: ((pair: KeyPair) => void)[] = [];

  function reload(): void {
    read = state(files);
    try {
      const next = readPair(files);
      if (next.cert === pair.cert && next.key === pair.key) return;
      pair = next;
      for (const listener of listeners) listener(pair);
      logger.info({ until: new X509Certificate(pair.cert).validTo }, "the TLS certificate was renewed");
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      logger.error(`the TLS certificate was not renewed, and the old one stays: ${error.message}`);
    }
  }

  /** Certificate and key are written one after the other: they are read when both have stood still for a look. */
  function look(): void {
    const now = state(files);
    if (now === seen && now !== read) reload();
    seen = now;
  }

  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return {
    get pair() {
      return pair;
    },
    onChange: (listener) => void listeners.push(listener),
    reload,
    stop: () => clearInterval(timer),
  };
}

function readPair({ certFile, keyFile }: Files): KeyPair {
  const cert = text("TLS_CERT_FILE", certFile);
  const key = text("TLS_KEY_FILE", keyFile);
  const certificate = attempt(
    `TLS_CERT_FILE (${certFile}) holds no certificate in PEM form.`,
    () => new X509Certificate(cert),
  );
  const privateKey = attempt(
    `TLS_KEY_FILE (${keyFile}) holds no private key in PEM form that can be read without a passphrase.`,
    () => createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw new StartError(
      `The key in TLS_KEY_FILE (${keyFile}) is not that of the certificate in TLS_CERT_FILE (${certFile}).`,
    );
  return { cert, key };
}

function text(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new StartError(
      `${option} names a file that cannot be read (${error instanceof Error ? error.message : error}).`,
    );
  }
}

function attempt<T>(sentence: string, work: () => T): T {
  try {
    return work();
  } catch {
    throw new StartError(sentence);
  }
}

/** What changes when one of the files does. */
function state({ certFile, keyFile }: Files): string {
  return [certFile, keyFile]
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? "none" : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
    })
    .join(" ");
}
