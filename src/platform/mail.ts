/** A mail server we may send through. Made by `createMail`; there is none when SMTP_URL is unset. */
export interface Mail {
  /** Resolves when the server has taken the message; rejects with its answer when it has not. Plain text only. */
  send(message: { to: string; subject: string; text: string }): Promise<void>;
}

/** A mailer for `url` (smtp:// or smtps://, user and password in it). The driver is loaded with the first message: it weighs 8 MB. */
export function createMail(url: string, from: string): Mail {
  const transport = import("nodemailer").then(({ createTransport }) =>
    createTransport(url, { from, disableFileAccess: true, disableUrlAccess: true }),
  );
  return {
    async send(message) {
      await (await transport).sendMail(message);
    },
  };
}
