import { type ActionFunctionArgs, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { NodeInfo } from "../../../../sdk/admin.ts";
import type { Rest } from "../../../../sdk/rest.ts";
import { getRefusal, useActionResult } from "../../admin/action-result.ts";
import styles from "../../admin/admin.module.css";
import { ActionStatus, Confirm, StaleNotice } from "../../admin/controls.tsx";
import { formatAge, formatMegabytes, formatNumber, formatSecondsAgo } from "../../admin/format.ts";
import { readRoomNames } from "../../admin/room-names.ts";
import { RoomTable } from "../../admin/room-table.tsx";
import { Table } from "../../admin/table.tsx";
import { usePolling } from "../../admin/use-polling.ts";
import { useClock } from "../../chat/clock.tsx";
import { load } from "../../server/api-client.ts";
import { raw } from "../../server/forms.ts";
import { runAction } from "../../server/run-action.ts";
import { Field } from "../../ui/form.tsx";
import { EmptyState } from "../../ui/page-layout.tsx";

const MAX_ROOMS = 10;

async function read(rest: Rest) {
  const [nodes, rooms] = await Promise.all([rest.admin.nodes(), rest.admin.rooms()]);
  const busiest = rooms.data.slice(0, MAX_ROOMS);
  const names = await readRoomNames(
    rest,
    busiest.map(({ room }) => room),
  );
  return { nodes: nodes.data, rooms: busiest, names, partial: rooms.partial };
}

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, ({ rest }) => read(rest));
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async drain({ rest, id, form }) {
      await rest.admin.drain(id, Number(raw(form, "seconds")));
      return `Node ${id} is moving its connections to the other nodes. Restart it when it has none left.`;
    },
  });
}

/** The nodes and the busiest rooms: read again every two seconds. */
export default function Overview() {
  const { value, isStale } = usePolling(useLoaderData<typeof loader>(), read);
  const { nodes, rooms, names, partial } = value;
  const sum = (getValue: (node: NodeInfo) => number) => nodes.reduce((total, node) => total + getValue(node), 0);
  return (
    <>
      <ActionStatus />
      <StaleNotice isStale={isStale} />
      <dl className={styles.figures}>
        <div>
          <dt>Connections</dt>
          <dd>{formatNumber(sum(({ connections }) => connections))}</dd>
        </div>
        <div>
          <dt>{nodes.length === 1 ? "Node" : "Nodes"}</dt>
          <dd>{formatNumber(nodes.length)}</dd>
        </div>
        <div>
          <dt>Memory</dt>
          <dd>{formatMegabytes(sum(({ rss }) => rss))}</dd>
        </div>
      </dl>
      <section className={styles.part}>
        <h2>Nodes</h2>
        <Nodes nodes={nodes} />
      </section>
      <section className={styles.part}>
        <h2>Busiest rooms</h2>
        {partial && <p className={styles.note}>Not all nodes replied in time: there may be more.</p>}
        {rooms.length === 0 ? (
          <EmptyState title="No rooms in use">A room appears here when someone joins it.</EmptyState>
        ) : (
          <>
            <RoomTable rooms={rooms} names={names} />
            {rooms.length === MAX_ROOMS && <Link to="/admin/rooms">More rooms</Link>}
          </>
        )}
      </section>
    </>
  );
}

function Nodes({ nodes }: { nodes: readonly NodeInfo[] }) {
  const { now } = useClock();
  return (
    <Table
      label="Nodes"
      rows={nodes}
      rowKey={({ id, started_at }) => `${id} ${started_at}`}
      columns={[
        { name: "Node", kind: "name", cell: (node) => <NodeName node={node} /> },
        { name: "State", cell: (node) => <NodeState node={node} /> },
        { name: "Log read", kind: "short", cell: ({ lag_ms }) => <LogLag lag={lag_ms} /> },
        { name: "Uptime", kind: "short", cell: ({ started_at }) => formatAge(started_at, now) },
        {
          name: "Connections",
          kind: "number",
          cell: ({ id, connections }) => <Link to={`/admin/connections?node=${id}`}>{formatNumber(connections)}</Link>,
        },
        { name: "Memory", kind: "number", cell: ({ rss }) => formatMegabytes(rss) },
        {
          name: "Drain",
          kind: "tools",
          cell: ({ id, draining }) => !draining && <DrainButton id={id} isOnlyNode={nodes.length === 1} />,
        },
      ]}
    />
  );
}

function NodeName({ node: { id, address, version, roles } }: { node: NodeInfo }) {
  return (
    <div>
      <p className={styles.name}>{id}</p>
      <p className={styles.code}>{address}</p>
      <p className={styles.note}>
        {version}, {roles.join(", ")}
      </p>
    </div>
  );
}

const BROKER = {
  ok: { kind: "good", text: "broker connected" },
  deaf: { kind: "bad", text: "receives nothing from the broker" },
  away: { kind: "bad", text: "broker unreachable" },
} as const;

function NodeState({ node: { draining, broker } }: { node: NodeInfo }) {
  const { kind, text } = BROKER[broker];
  return (
    <div className={styles.tags}>
      {draining && (
        <span className={styles.tag} data-kind="warn">
          draining
        </span>
      )}
      <span className={styles.tag} data-kind={kind}>
        {text}
      </span>
    </div>
  );
}

/** A node with nothing to read polls once a second; beyond this, in ms, it is lagging, as in the alerts. */
const MAX_LAG_MS = 3_000;

function LogLag({ lag }: { lag: number }) {
  const text = formatSecondsAgo(lag);
  return lag < MAX_LAG_MS ? (
    text
  ) : (
    <span className={styles.tag} data-kind="warn">
      {text}
    </span>
  );
}

function DrainButton({ id, isOnlyNode }: { id: string; isOnlyNode: boolean }) {
  const refusal = getRefusal(useActionResult(), "drain", id);
  return (
    <Confirm label="Drain" name={`Drain node ${id}`} intent="drain" id={id} submitLabel="Drain">
      <p>
        Node {id} moves its connections to the other nodes and accepts no new ones until it is restarted.
        {isOnlyNode && " It is the only node: until then no one can connect."}
      </p>
      <Field
        name="seconds"
        type="number"
        label="Time for the connections to move, in seconds"
        defaultValue={10}
        refusal={refusal}
        min={1}
        max={600}
        required
      />
    </Confirm>
  );
}
