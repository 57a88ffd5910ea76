import { type ActionFunctionArgs, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { WebhookAttempt } from "../../../../sdk/admin.ts";
import type { Rest } from "../../../../sdk/rest.ts";
import styles from "../../admin/admin.module.css";
import { ActionButton, ActionStatus, StaleNotice } from "../../admin/controls.tsx";
import { DeliveryState } from "../../admin/delivery-table.tsx";
import { RoomName } from "../../admin/room-name.tsx";
import { readRoomNames } from "../../admin/room-names.ts";
import { usePolling } from "../../admin/use-polling.ts";
import { useClock } from "../../chat/clock.tsx";
import { formatDateTime } from "../../chat/time.ts";
import { load } from "../../server/api-client.ts";
import { runAction } from "../../server/run-action.ts";

async function read(rest: Rest, id: string) {
  const delivery = await rest.admin.webhooks.delivery(id);
  return { ...delivery, names: await readRoomNames(rest, delivery.room === null ? [] : [delivery.room]) };
}

export async function loader({ request, params }: LoaderFunctionArgs) {
  return load(request, ({ rest }) => read(rest, params.deliveryId ?? ""));
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async redeliver({ rest, id }) {
      await rest.admin.webhooks.redeliver(id);
      return "The delivery is sent again.";
    },
  });
}

/** One delivery with its attempts and the responses; read again while it is pending. */
export default function Delivery() {
  const first = useLoaderData<typeof loader>();
  const { value: delivery, isStale } = usePolling(first, (rest) => read(rest, first.id));
  const { timeZone } = useClock();
  const { id, endpoint_id, event_type, room, seq, webhook_id, occurred_at, next_attempt_at, status, log } = delivery;
  return (
    <>
      <div>
        <Link to={`/admin/webhooks/${endpoint_id}`}>Webhook and its deliveries</Link>
      </div>
      <ActionStatus />
      <StaleNotice isStale={isStale} />
      <section className={styles.part}>
        <h2>{event_type}</h2>
        <dl className={styles.details}>
          <dt>Status</dt>
          <dd>
            <DeliveryState delivery={delivery} />
          </dd>
          <dt>Room</dt>
          <dd>
            {room === null ? "none" : <RoomName room={room} names={delivery.names} />}
            {seq !== null && `, entry ${seq}`}
          </dd>
          <dt>Time</dt>
          <dd>{formatDateTime(occurred_at, timeZone)}</dd>
          <dt>webhook-id</dt>
          <dd className={styles.code}>{webhook_id}</dd>
          {status === "pending" && (
            <>
              <dt>Next attempt</dt>
              <dd>
                {next_attempt_at ? formatDateTime(next_attempt_at, timeZone) : "after an earlier one of its room"}
              </dd>
            </>
          )}
        </dl>
        {status !== "pending" && (
          <div className={styles.tools} data-at="start">
            <ActionButton intent="redeliver" id={id} label="Resend" name="Resend" />
          </div>
        )}
      </section>
      <section className={styles.part}>
        <h2>Attempts</h2>
        {log.length === 0 && <p className={styles.note}>Not tried yet.</p>}
        <ul className={styles.list}>
          {log.map((attempt) => (
            <Attempt key={`${attempt.n} ${attempt.at}`} attempt={attempt} />
          ))}
        </ul>
      </section>
    </>
  );
}

function Attempt({ attempt: { n, at, ms, response_status, error, response_preview } }: { attempt: WebhookAttempt }) {
  const { timeZone } = useClock();
  return (
    <li className={styles.item}>
      <div className={styles.what}>
        <p className={styles.name}>
          {n}: {error ?? `returned ${response_status}`}
        </p>
        <p className={styles.note}>
          {formatDateTime(at, timeZone)}, {ms} ms
        </p>
        {response_preview && <pre className={styles.preview}>{response_preview}</pre>}
      </div>
    </li>
  );
}
