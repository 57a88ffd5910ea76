import type { WebhookEndpoint } from "../../../sdk/admin.ts";
import styles from "./admin.module.css";

/** Whether deliveries go out, and why not. */
export function EndpointState({ endpoint }: { endpoint: WebhookEndpoint }) {
  const { disabled, disabled_reason, failing_since } = endpoint;
  if (disabled) {
    return (
      <span className={styles.tag} data-kind="warn">
        {DISABLED_REASONS[disabled_reason ?? "admin"]}
      </span>
    );
  }
  if (failing_since !== null) {
    return (
      <span className={styles.tag} data-kind="bad">
        failing
      </span>
    );
  }
  return (
    <span className={styles.tag} data-kind="good">
      active
    </span>
  );
}

const DISABLED_REASONS = {
  admin: "disabled",
  gone: "disabled: the receiver returned 410 Gone",
  failing: "disabled: it failed for too long",
  backlog: "disabled: too many deliveries were waiting",
} as const;
