import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { StartError } from "../config/start-error.ts";
import type { Logger } from "./logger.ts";

/** A certificate with its chain, and its key; both PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The certificate that this server shows, renewed while it runs. */
export interface Tls {
  readonly pair: KeyPair;
  /** Called with a renewed pair: new connections must then get that one; the open ones stay. */
  onChange(listener: (pair: KeyPair) => void): void;
  /** Reads the files again. An invalid pair is logged, and the old one stays. */
  reload(): void;
  stop(): void;
}

interface Files {
  certFile: string;
  keyFile: string;
}

const POLL_INTERVAL_MS = 1_000;

/**
 * Reads the pair and polls its files once a second: no signal is needed after a renewal. It polls and does not
 * listen, because a mounted secret is renewed by turning a link to another folder.
 *
 * @throws StartError with a message when the pair is invalid
 */
export function createTls(files: Files, logger: Logger): Tls {
  let pair = readPair(files);
  let read = readFileState(files);
  let seen = read;
  const listeners: ((pair: KeyPair) => void)[] = [];

  function reload(): void {
    read = readFileState(files);
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

  /** Certificate and key are written one after the other: they are read when both are unchanged for one poll. */
  function poll(): void {
    const now = readFileState(files);
    if (now === seen && now !== read) reload();
    seen = now;
  }

  const timer = setInterval(poll, POLL_INTERVAL_MS);
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
  const cert = readText("TLS_CERT_FILE", certFile);
  const key = readText("TLS_KEY_FILE", keyFile);
  const certificate = orStartError(
    `TLS_CERT_FILE (${certFile}) holds no certificate in PEM form.`,
    () => new X509Certificate(cert),
  );
  const privateKey = orStartError(
    `TLS_KEY_FILE (${keyFile}) holds no private key in PEM form that can be read without a passphrase.`,
    () => createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw new StartError(
      `The key in TLS_KEY_FILE (${keyFile}) is not that of the certificate in TLS_CERT_FILE (${certFile}).`,
    );
  return { cert, key };
}

function readText(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new StartError(
      `${option} names a file that cannot be read (${error instanceof Error ? error.message : error}).`,
    );
  }
}

function orStartError<T>(sentence: string, work: () => T): T {
  try {
    return work();
  } catch {
    throw new StartError(sentence);
  }
}

/** What changes when one of the files does. */
function readFileState({ certFile, keyFile }: Files): string {
  return [certFile, keyFile]
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? "none" : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
    })
    .join(" ");
}
