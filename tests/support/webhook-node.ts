import { Registry } from "prom-client";
import type { Endpoint } from "../../src/bridges/webhooks/endpoints.ts";
import { createWebhooks, type WebhookDeps, type Webhooks } from "../../src/bridges/webhooks/index.ts";
import type { AuditActor } from "../../src/platform/audit.ts";
import type { UserCaller } from "../../src/platform/caller.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { type LogNode, startLogNode } from "./log-node.ts";

export interface WebhookNode extends LogNode {
  webhooks: Webhooks;
  registry: Registry;
  warnings: object[];
  /** One entry in a room's log. */
  log(room: string, type: string, payload: Record<string, unknown>): Promise<void>;
  /** An endpoint for everything, made by an admin; `fields` replace the defaults. */
  endpoint(fields: { url: string } & Record<string, unknown>): Promise<Endpoint & { secret: string }>;
}

const ADMIN: UserCaller = {
  kind: "user",
  userId: "1",
  username: "olga",
  role: "owner",
  sessionId: null,
  expiresAt: null,
};
export const AS_ADMIN: AuditActor<UserCaller> = { caller: ADMIN, address: null };

/** A node that delivers webhooks, with all addresses allowed by default. Its errors fail the test that runs. */
export async function startWebhookNode(
  url: string,
  { onError, ...over }: Partial<WebhookDeps> & { onError?: (error: unknown) => void } = {},
): Promise<WebhookNode> {
  const node = await startLogNode(url, onError === undefined ? {} : { onError });
  const registry = new Registry();
  const warnings: object[] = [];
  const webhooks = createWebhooks({
    ...node,
    epoch: () => node.epoch.current(),
    clock: systemClock,
    registry,
    version: "test",
    allowPrivate: true,
    logger: {
      warn: (fields) => void warnings.push(fields),
      error: (fields, message) => void Promise.reject(new Error(message, { cause: fields })),
    },
    ...over,
  });
  await webhooks.start();
  return {
    ...node,
    webhooks,
    registry,
    warnings,
    log: (room, type, payload) => node.transaction({ actor: "1" }, async (tx) => tx.log(room, type, payload)),
    endpoint: (fields) =>
      webhooks.endpoints.create(AS_ADMIN, {
        event_types: ["*"],
        rooms: ["*"],
        description: "",
        ordered: false,
        ...fields,
      }),
    async stop() {
      await webhooks.stop();
      await node.stop();
    },
  };
}
