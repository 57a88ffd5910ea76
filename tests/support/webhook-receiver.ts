import { Webhook } from "standardwebhooks";

export interface Received {
  id: string;
  path: string;
  headers: Record<string, string>;
  body: { type: string; timestamp: string; data: Record<string, unknown> };
  text: string;
}

type Respond = (event: Received) => Response | Promise<Response>;

/** A system that webhooks are posted to: stores requests, and responds as `respond` says; 204 by default. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  respond: Respond = () => new Response(null, { status: 204 });
  readonly #server: Bun.Server<undefined>;

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const text = await request.text();
        const headers = Object.fromEntries(request.headers);
        const path = new URL(request.url).pathname;
        const event = { id: headers["webhook-id"] ?? "", path, headers, body: JSON.parse(text), text };
        this.received.push(event);
        return this.respond(event);
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  at(path: string): Received[] {
    return this.received.filter((event) => event.path === path);
  }

  close(): Promise<void> {
    return this.#server.stop(true);
  }
}

/** Throws when the signature is not one by this secret, as the receivers' library judges it. */
export function verify(event: Received, secret: string): void {
  new Webhook(secret).verify(event.text, event.headers);
}
