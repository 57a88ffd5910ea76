import { Button, TextInput } from "@mantine/core";
import { type ActionFunctionArgs, Form, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { ConnectionInfo } from "../../../../sdk/admin.ts";
import styles from "../../admin/admin.module.css";
import { ActionStatus, Confirm, Pager } from "../../admin/controls.tsx";
import { formatAge } from "../../admin/format.ts";
import { RoomName } from "../../admin/room-name.tsx";
import { type RoomNames, readRoomNames } from "../../admin/room-names.ts";
import { Table } from "../../admin/table.tsx";
import { useClock } from "../../chat/clock.tsx";
import { load } from "../../server/api-client.ts";
import { findPerson } from "../../server/person.ts";
import { runAction } from "../../server/run-action.ts";
import { EmptyState } from "../../ui/page-layout.tsx";

const PAGE_SIZE = 50;
/** Maximum number of rooms shown for a connection; of the others only the count. */
const MAX_ROOMS_SHOWN = 4;

export async function loader({ request }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const readParam = (name: string) => query.get(name)?.trim() || undefined;
  const filter = { user: readParam("user"), room: readParam("room"), node: readParam("node") };
  return load(request, async ({ rest }) => {
    const person = filter.user === undefined ? undefined : await findPerson(rest, filter.user);
    if (person === null) return { filter, page: null, names: {} };
    const { room, node } = filter;
    const paging = { limit: PAGE_SIZE, after: readParam("after") };
    const page = await rest.admin.connections({ room, node, user_id: person?.id, ...paging });
    const shown = page.data.flatMap(({ rooms }) => rooms.slice(0, MAX_ROOMS_SHOWN));
    return { filter, page, names: await readRoomNames(rest, shown) };
  });
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async close({ rest, id }) {
      await rest.admin.closeConnection(id);
      return `Connection ${id} is closed.`;
    },
  });
}

/** Who is connected, by person, room or node. */
export default function Connections() {
  const { filter, page, names } = useLoaderData<typeof loader>();
  const filtered = Object.values(filter).some((value) => value !== undefined);
  return (
    <>
      <ActionStatus />
      <section className={styles.part}>
        <Form role="search" className={styles.filter} key={JSON.stringify(filter)}>
          <TextInput name="user" label="Username" defaultValue={filter.user} autoComplete="off" autoCapitalize="none" />
          <TextInput
            name="room"
            label="Room"
            placeholder="channel:1"
            defaultValue={filter.room}
            autoComplete="off"
            autoCapitalize="none"
          />
          <TextInput name="node" label="Node" defaultValue={filter.node} inputMode="numeric" autoComplete="off" />
          <Button type="submit" variant="default">
            Show
          </Button>
        </Form>
        {filtered && <Link to="/admin/connections">Show all connections</Link>}
        {page?.partial && <p className={styles.note}>Not all nodes replied in time: there may be more.</p>}
        {page === null && <EmptyState title={`No person has the username “${filter.user}”`} />}
        {page?.data.length === 0 && (
          <EmptyState title={filtered ? "No connections found" : "No one is connected"}>
            {filtered ? "Try another name, room or node." : "Everyone who opens a page of this server appears here."}
          </EmptyState>
        )}
        {page !== null && page.data.length > 0 && <List connections={page.data} names={names} />}
        {page !== null && <Pager next={page.next} nextLabel="More connections" />}
      </section>
    </>
  );
}

function List({ connections, names }: { connections: readonly ConnectionInfo[]; names: RoomNames }) {
  const { now } = useClock();
  return (
    <Table
      label="Connections"
      rows={connections}
      rowKey={({ id }) => id}
      columns={[
        {
          name: "Who",
          kind: "name",
          cell: ({ id, username }) =>
            username === null ? (
              <span className={styles.note} title={`Connection ${id}`}>
                not signed in
              </span>
            ) : (
              <Link to={`/admin/people?q=${encodeURIComponent(username)}`} title={`Connection ${id}`}>
                <bdi>{username}</bdi>
              </Link>
            ),
        },
        { name: "Address", kind: "short", cell: ({ address }) => <span className={styles.code}>{address}</span> },
        { name: "Open for", kind: "short", cell: ({ opened_at }) => formatAge(opened_at, now) },
        { name: "Rooms", cell: (connection) => <RoomList connection={connection} names={names} /> },
        {
          name: "Close",
          kind: "tools",
          cell: ({ id, username }) => (
            <Confirm label="Close" name={`Close connection ${id}`} intent="close" id={id} submitLabel="Close" danger>
              <p>
                Connection {id} of <bdi>{username ?? "a client that is not signed in"}</bdi> is closed. The client may
                connect again at once: to keep someone out,{" "}
                <Link to={banPath(username)}>ban the person or the address</Link>.
              </p>
            </Confirm>
          ),
        },
      ]}
    />
  );
}

function RoomList({ connection, names }: { connection: ConnectionInfo; names: RoomNames }) {
  const { rooms, room_count } = connection;
  if (room_count === 0) return <span className={styles.note}>none</span>;
  return (
    <span className={styles.words}>
      {rooms.slice(0, MAX_ROOMS_SHOWN).map((room) => (
        <RoomName key={room} room={room} names={names} />
      ))}
      {room_count > MAX_ROOMS_SHOWN && <span className={styles.note}>and {room_count - MAX_ROOMS_SHOWN} more</span>}
    </span>
  );
}

function banPath(username: string | null): string {
  return username === null ? "/admin/bans" : `/admin/bans?username=${encodeURIComponent(username)}`;
}
