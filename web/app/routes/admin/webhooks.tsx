import { type ActionFunctionArgs, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { WebhookEndpoint } from "../../../../sdk/admin.ts";
import { formKey, getRefusal, useActionResult } from "../../admin/action-result.ts";
import styles from "../../admin/admin.module.css";
import { ActionStatus, Collapsible, Secret } from "../../admin/controls.tsx";
import { EndpointForm, readEndpoint } from "../../admin/endpoint-form.tsx";
import { EndpointState } from "../../admin/endpoint-state.tsx";
import { ParkedTable } from "../../admin/parked-table.tsx";
import { readRoomNames } from "../../admin/room-names.ts";
import { load } from "../../server/api-client.ts";
import { runAction } from "../../server/run-action.ts";
import { EmptyState } from "../../ui/page-layout.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, async ({ rest }) => {
    const { webhooks } = rest.admin;
    const [endpoints, parked] = await Promise.all([webhooks.list(), webhooks.parkedEntries()]);
    const names = await readRoomNames(
      rest,
      parked.data.map(({ room }) => room),
    );
    return { endpoints: endpoints.data, parked: parked.data, names };
  });
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async make({ rest, form }) {
      const { url, secret } = await rest.admin.webhooks.create(readEndpoint(form));
      return { done: `Events are now sent to ${url}.`, secret };
    },
  });
}

/** The endpoints that log entries are posted to. */
export default function Webhooks() {
  const { endpoints, parked, names } = useLoaderData<typeof loader>();
  const outcome = useActionResult();
  return (
    <>
      <ActionStatus />
      {outcome?.secret && (
        <Secret key={outcome.secret} title="The signing secret" secret={outcome.secret}>
          <p className={styles.note}>
            The receiver uses it to check that a delivery comes from this server (Standard Webhooks).
          </p>
        </Secret>
      )}
      <section className={styles.part}>
        <p className={styles.lead}>Usher sends events to these addresses, signed, and tries again for three days.</p>
        <Collapsible
          key={formKey(outcome, "make")}
          title="Add webhook"
          open={endpoints.length === 0 || getRefusal(outcome, "make") !== undefined}
        >
          <EndpointForm intent="make" submitLabel="Create webhook" />
        </Collapsible>
        {endpoints.length === 0 && (
          <EmptyState title="No webhooks yet">Add one above. Its deliveries are listed on its page.</EmptyState>
        )}
        <ul className={styles.list}>
          {endpoints.map((endpoint) => (
            <EndpointRow key={endpoint.id} endpoint={endpoint} />
          ))}
        </ul>
      </section>
      {parked.length > 0 && (
        <section className={styles.part}>
          <h2>Parked events</h2>
          <p className={styles.lead}>
            These events could not be recorded, so no webhook was sent for them. Remove the cause; receivers can read
            them in the history of the room, by their seq. The list goes back 14 days.
          </p>
          <ParkedTable entries={parked} names={names} />
        </section>
      )}
    </>
  );
}

function EndpointRow({ endpoint }: { endpoint: WebhookEndpoint }) {
  const { id, url, description, event_types, rooms, ordered } = endpoint;
  return (
    <li className={styles.item}>
      <div className={styles.what}>
        <Link to={`/admin/webhooks/${id}`} className={`${styles.name} ${styles.url}`}>
          {url}
        </Link>
        <p>
          <EndpointState endpoint={endpoint} />
        </p>
        {description !== "" && <p dir="auto">{description}</p>}
        <p className={styles.note}>
          {event_types.join(", ")} from {rooms.includes("*") ? "all rooms" : rooms.join(", ")}
          {ordered && ", in order"}
        </p>
      </div>
    </li>
  );
}
