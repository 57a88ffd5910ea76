import { Link } from "react-router";
import type { DeliveryStatus, WebhookDelivery } from "../../../sdk/admin.ts";
import { useClock } from "../chat/clock.tsx";
import { formatDateTime } from "../chat/time.ts";
import styles from "./admin.module.css";
import { ActionButton } from "./controls.tsx";
import { RoomName } from "./room-name.tsx";
import type { RoomNames } from "./room-names.ts";
import { Table } from "./table.tsx";

/** Deliveries of one endpoint, the newest first. */
export function DeliveryTable({ deliveries, names }: { deliveries: readonly WebhookDelivery[]; names: RoomNames }) {
  const { timeZone } = useClock();
  return (
    <Table
      label="Deliveries"
      rows={deliveries}
      rowKey={({ id }) => id}
      columns={[
        {
          name: "Event",
          kind: "name",
          cell: ({ id, endpoint_id, event_type }) => (
            <Link to={`/admin/webhooks/${endpoint_id}/deliveries/${id}`}>{event_type}</Link>
          ),
        },
        { name: "Room", cell: ({ room }) => (room === null ? "none" : <RoomName room={room} names={names} />) },
        { name: "Time", kind: "short", cell: ({ occurred_at }) => formatDateTime(occurred_at, timeZone) },
        { name: "Status", cell: (delivery) => <DeliveryState delivery={delivery} /> },
        { name: "Attempts", kind: "number", cell: ({ attempts }) => attempts },
        {
          name: "Resend",
          kind: "tools",
          cell: ({ id, status }) =>
            status !== "pending" && <ActionButton intent="redeliver" id={id} label="Resend" name={`Resend ${id}`} />,
        },
      ]}
    />
  );
}

/** Its status, and the result of the last attempt. */
export function DeliveryState({ delivery }: { delivery: WebhookDelivery }) {
  const { status, response_status, error } = delivery;
  return (
    <div>
      <span className={styles.tag} data-kind={KIND[status]}>
        {status}
      </span>
      {(response_status !== null || error !== null) && (
        <p className={styles.note}>{error ?? `returned ${response_status}`}</p>
      )}
    </div>
  );
}

const KIND: Record<DeliveryStatus, string> = { delivered: "good", pending: "warn", failed: "bad" };
