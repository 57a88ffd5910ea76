import { type ActionFunctionArgs, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { NodeInfo } from "../../../../sdk/admin.ts";
import type { Rest } from "../../../../sdk/rest.ts";
import styles from "../../admin/admin.module.css";
import { age, count, megabytes, secondsAgo } from "../../admin/figures.ts";
import { refusalOf, useOutcome } from "../../admin/outcome.ts";
import { Confirm, LateNote, Said } from "../../admin/parts.tsx";
import { readRoomNames } from "../../admin/room-names.ts";
import { RoomTable } from "../../admin/room-table.tsx";
import { Table } from "../../admin/table.tsx";
import { useLive } from "../../admin/use-live.ts";
import { useClock } from "../../chat/clock.tsx";
import { Field } from "../../look/form.tsx";
import { Empty } from "../../look/page.tsx";
import { act } from "../../server/act.ts";
import { raw } from "../../server/forms.ts";
import { load } from "../../server/hub.ts";

const BUSIEST = 10;

async function read(rest: Rest) {
  const [nodes, rooms] = await Promise.all([rest.admin.nodes(), rest.admin.rooms()]);
  const busiest = rooms.data.slice(0, BUSIEST);
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
  return act(request, {
    async drain({ rest, id, form }) {
      await rest.admin.drain(id, Number(raw(form, "seconds")));
      return `Node ${id} is moving its connections to the other nodes. Restart it when it has none left.`;
    },
  });
}

/** What runs, and how much goes on: read again every two seconds. */
export default function Overview() {
  const { value, late } = useLive(useLoaderData<typeof loader>(), read);
  const { nodes, rooms, names, partial } = value;
  const sum = (of: (node: NodeInfo) => number) => nodes.reduce((total, node) => total + of(node), 0);
  return (
    <>
      <Said />
      <LateNote late={late} />
      <dl className={styles.figures}>
        <div>
          <dt>Connections</dt>
          <dd>{count(sum(({ connections }) => connections))}</dd>
        </div>
        <div>
          <dt>{nodes.length === 1 ? "Node" : "Nodes"}</dt>
          <dd>{count(nodes.length)}</dd>
        </div>
        <div>
          <dt>Memory</dt>
          <dd>{megabytes(sum(({ rss }) => rss))}</dd>
        </div>
      </dl>
      <section className={styles.part}>
        <h2>Nodes</h2>
        <Nodes nodes={nodes} />
      </section>
      <section className={styles.part}>
        <h2>Busiest rooms</h2>
        {partial && <p className={styles.note}>Not all nodes answered in time: there may be more.</p>}
        {rooms.length === 0 ? (
          <Empty title="No rooms in use">A room appears here when somebody joins it.</Empty>
        ) : (
          <>
            <RoomTable rooms={rooms} names={names} />
            {rooms.length === BUSIEST && <Link to="/admin/rooms">More rooms</Link>}
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
      keyOf={({ id, started_at }) => `${id} ${started_at}`}
      columns={[
        { name: "Node", kind: "name", cell: (node) => <NodeName node={node} /> },
        { name: "State", cell: (node) => <NodeState node={node} /> },
        { name: "Log read", kind: "short", cell: ({ lag_ms }) => <LogSeen lag={lag_ms} /> },
        { name: "Uptime", kind: "short", cell: ({ started_at }) => age(started_at, now) },
        {
          name: "Connections",
          kind: "number",
          cell: ({ id, connections }) => <Link to={`/admin/connections?node=${id}`}>{count(connections)}</Link>,
        },
        { name: "Memory", kind: "number", cell: ({ rss }) => megabytes(rss) },
        {
          name: "Drain",
          kind: "tools",
          cell: ({ id, draining }) => !draining && <DrainButton id={id} alone={nodes.length === 1} />,
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

/** A node that has nothing to read looks once a second; beyond this, in ms, it is late, as the alerts say. */
const LATE_MS = 3_000;

function LogSeen({ lag }: { lag: number }) {
  const text = secondsAgo(lag);
  return lag < LATE_MS ? (
    text
  ) : (
    <span className={styles.tag} data-kind="warn">
      {text}
    </span>
  );
}

function DrainButton({ id, alone }: { id: string; alone: boolean }) {
  const refusal = refusalOf(useOutcome(), "drain", id);
  return (
    <Confirm label="Drain" name={`Drain node ${id}`} intent="drain" id={id} go="Drain">
      <p>
        Node {id} moves its connections to the other nodes and accepts no new ones until it is restarted.
        {alone && " It is the only node: until then nobody can connect."}
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
