import { Button, NativeSelect } from "@mantine/core";
import { type ActionFunctionArgs, Form, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { DeliveryStatus, WebhookEndpoint } from "../../../../sdk/admin.ts";
import type { Rest } from "../../../../sdk/rest.ts";
import { formKey, getRefusal, useActionResult } from "../../admin/action-result.ts";
import styles from "../../admin/admin.module.css";
import {
  ActionButton,
  ActionMenu,
  ActionStatus,
  Collapsible,
  Confirm,
  Pager,
  Secret,
  StaleNotice,
} from "../../admin/controls.tsx";
import { DeliveryTable } from "../../admin/delivery-table.tsx";
import { DurationSelect } from "../../admin/duration-select.tsx";
import { EndpointForm, readEndpoint } from "../../admin/endpoint-form.tsx";
import { EndpointState } from "../../admin/endpoint-state.tsx";
import { pluralize } from "../../admin/format.ts";
import { readRoomNames } from "../../admin/room-names.ts";
import { usePolling } from "../../admin/use-polling.ts";
import { useClock } from "../../chat/clock.tsx";
import { formatDateTime } from "../../chat/time.ts";
import { load } from "../../server/api-client.ts";
import { field } from "../../server/forms.ts";
import { redirect } from "../../server/redirect.ts";
import { runAction } from "../../server/run-action.ts";
import { EmptyState } from "../../ui/page-layout.tsx";

const STATUSES: readonly DeliveryStatus[] = ["pending", "delivered", "failed"];

async function read(rest: Rest, id: string, filter: { status?: DeliveryStatus; after: string | null }) {
  const { webhooks } = rest.admin;
  const [endpoint, deliveries] = await Promise.all([
    webhooks.get(id),
    webhooks.deliveries(id, { ...filter, limit: 50 }),
  ]);
  const names = await readRoomNames(
    rest,
    deliveries.data.flatMap(({ room }) => room ?? []),
  );
  return { endpoint, deliveries, names };
}

export async function loader({ request, params }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const status = STATUSES.find((status) => status === query.get("status"));
  const filter = { status, after: query.get("after") };
  const id = params.endpointId ?? "";
  return load(request, async ({ rest }) => ({ id, filter, view: await read(rest, id, filter) }));
}

export async function action({ request, params }: ActionFunctionArgs) {
  const endpointId = params.endpointId ?? "";
  return runAction(request, {
    async change({ rest, form }) {
      await rest.admin.webhooks.update(endpointId, readEndpoint(form));
      return "Webhook saved.";
    },
    async disable({ rest }) {
      await rest.admin.webhooks.update(endpointId, { disabled: true });
      return "Webhook disabled. Deliveries wait until it is enabled.";
    },
    async enable({ rest }) {
      await rest.admin.webhooks.update(endpointId, { disabled: false });
      return "Webhook enabled.";
    },
    async rotate({ rest, form }) {
      const { secret } = await rest.admin.webhooks.rotateSecret(endpointId, Number(field(form, "seconds") ?? 0));
      return { done: "The webhook has a new secret.", secret };
    },
    async test({ rest }) {
      await rest.admin.webhooks.test(endpointId);
      return "A test event was sent. It appears in the deliveries.";
    },
    async replay({ rest, form }) {
      const since = new Date(Date.now() - Number(field(form, "seconds") ?? 0) * 1_000).toISOString();
      const { count } = await rest.admin.webhooks.replay(endpointId, since);
      return count === 0
        ? "No delivery failed in that time."
        : `${pluralize(count, "delivery", "deliveries")} sent again.`;
    },
    async redeliver({ rest, id }) {
      await rest.admin.webhooks.redeliver(id);
      return `Delivery ${id} is sent again.`;
    },
    async remove({ rest }) {
      await rest.admin.webhooks.remove(endpointId);
      throw redirect("/admin/webhooks");
    },
  });
}

/** One endpoint and its deliveries, read again every two seconds. */
export default function Webhook() {
  const { id, filter, view } = useLoaderData<typeof loader>();
  const { value, isStale } = usePolling(view, (rest) => read(rest, id, filter));
  const { endpoint, deliveries, names } = value;
  const outcome = useActionResult();
  return (
    <>
      <div>
        <Link to="/admin/webhooks">All webhooks</Link>
      </div>
      <ActionStatus />
      <StaleNotice isStale={isStale} />
      {outcome?.secret && <Secret key={outcome.secret} title="The signing secret" secret={outcome.secret} />}
      <section className={styles.part}>
        <h2>{endpoint.url}</h2>
        <EndpointDetails endpoint={endpoint} />
        <Tools endpoint={endpoint} />
        <Collapsible
          key={formKey(outcome, "change", endpoint.id)}
          title="Edit"
          open={getRefusal(outcome, "change", endpoint.id) !== undefined}
        >
          <EndpointForm endpoint={view.endpoint} intent="change" submitLabel="Save" />
        </Collapsible>
      </section>
      <section className={styles.part}>
        <h2>Deliveries</h2>
        <Form className={styles.filter} onChange={({ currentTarget }) => currentTarget.requestSubmit()}>
          <NativeSelect
            name="status"
            label="Status"
            defaultValue={filter.status ?? ""}
            data={[{ value: "", label: "All" }, ...STATUSES]}
          />
          <noscript>
            <Button type="submit" variant="default">
              Show
            </Button>
          </noscript>
        </Form>
        {deliveries.data.length === 0 ? (
          <EmptyState title={filter.status ? `No delivery is ${filter.status}` : "No deliveries yet"}>
            {filter.status === undefined && "Send a test to see whether the receiver responds."}
          </EmptyState>
        ) : (
          <DeliveryTable deliveries={deliveries.data} names={names} />
        )}
        <Pager next={deliveries.next} nextLabel="Older deliveries" />
      </section>
    </>
  );
}

function EndpointDetails({ endpoint }: { endpoint: WebhookEndpoint }) {
  const { timeZone, now } = useClock();
  const { description, event_types, rooms, ordered, failing_since, old_secret_until, disabled_at } = endpoint;
  return (
    <>
      {description !== "" && <p dir="auto">{description}</p>}
      <dl className={styles.details}>
        <dt>State</dt>
        <dd>
          <EndpointState endpoint={endpoint} />{" "}
          {disabled_at && <span className={styles.note}>since {formatDateTime(disabled_at, timeZone)}</span>}
          {!disabled_at && failing_since && (
            <span className={styles.note}>since {formatDateTime(failing_since, timeZone)}</span>
          )}
        </dd>
        <dt>Events</dt>
        <dd>{event_types.join(", ")}</dd>
        <dt>Rooms</dt>
        <dd>
          {rooms.includes("*") ? "all" : rooms.join(", ")}
          {ordered && ", in order"}
        </dd>
        {old_secret_until && Date.parse(old_secret_until) > now && (
          <>
            <dt>Old secret</dt>
            <dd>also signs, until {formatDateTime(old_secret_until, timeZone)}</dd>
          </>
        )}
      </dl>
    </>
  );
}

function Tools({ endpoint: { id, disabled } }: { endpoint: WebhookEndpoint }) {
  return (
    <div className={styles.tools} data-at="start">
      <ActionButton intent="test" id={id} label="Send a test" name="Send a test" />
      <ActionMenu label="Manage this webhook" id={id} intents={["replay", "rotate", "enable", "disable", "remove"]}>
        <Confirm
          label="Resend failed deliveries"
          name="Resend failed deliveries"
          intent="replay"
          id={id}
          submitLabel="Resend"
        >
          <p>Every delivery that failed is sent again, with the same id.</p>
          <DurationSelect name="seconds" label="From the last" durations={["hour", "day", "threeDays", "week"]} />
        </Confirm>
        <Confirm label="Rotate secret" name="Rotate secret" intent="rotate" id={id} submitLabel="Create new secret">
          <p>Deliveries are signed with the new secret, and with the old one too until it expires.</p>
          <DurationSelect name="seconds" label="The old secret expires" durations={["day", "hour", "week", "none"]} />
        </Confirm>
        {disabled ? (
          <ActionButton intent="enable" id={id} label="Enable" name="Enable the webhook" />
        ) : (
          <Confirm label="Disable" name="Disable the webhook" intent="disable" id={id} submitLabel="Disable">
            <p>Nothing is sent until the webhook is enabled again. Until then, deliveries wait.</p>
          </Confirm>
        )}
        <Confirm label="Delete" name="Delete the webhook" intent="remove" id={id} submitLabel="Delete webhook" danger>
          <p>The webhook and the record of its deliveries are deleted. This cannot be undone.</p>
        </Confirm>
      </ActionMenu>
    </div>
  );
}
