import type { Transporter } from "nodemailer";
import type { Config } from "../config/options.ts";

/** A mail server to send through. */
export interface Mail {
  /**
   * Resolves when the server has accepted the message. Rejects when it has not, with an error that holds neither the address
   * nor the text, so that it may be logged.
   */
  send(message: { to: string; subject: string; text: string }): Promise<void>;
}

/** Mail by SMTP_URL; null when it is unset. The driver is loaded with the first message: it takes 8 MB. */
export function createMail(config: Pick<Config, "SMTP_URL" | "MAIL_FROM" | "PUBLIC_URL">): Mail | null {
  const { SMTP_URL, MAIL_FROM, PUBLIC_URL } = config;
  if (SMTP_URL === null) return null;
  const from = MAIL_FROM ?? `usher@${PUBLIC_URL === null ? "localhost" : new URL(PUBLIC_URL).hostname}`;
  let opened: Promise<Transporter> | null = null;
  return {
    async send(message) {
      opened ??= open(SMTP_URL);
      const transport = await opened;
      try {
        await transport.sendMail({ ...message, from, disableFileAccess: true, disableUrlAccess: true });
      } catch (error) {
        throw new Error(`The mail server did not accept a message (${describeFailure(error)}).`);
      }
    },
  };
}

async function open(url: string): Promise<Transporter> {
  const { createTransport } = await import("nodemailer");
  const { protocol, hostname, port, username, password } = new URL(url);
  return createTransport({
    host: hostname,
    port: port === "" ? undefined : Number(port),
    secure: protocol === "smtps:",
    ...(username === "" ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    connectionTimeout: 10_000,
    socketTimeout: 30_000,
  });
}

/** `EENVELOPE, 550`: the driver's code and the server's reply code. The server's text may repeat the address. */
function describeFailure(error: unknown): string {
  if (typeof error !== "object" || error === null) return "unknown";
  const codes = ["code" in error ? error.code : null, "responseCode" in error ? error.responseCode : null];
  return codes.filter((fact) => typeof fact === "string" || typeof fact === "number").join(", ") || "unknown";
}
