import { Link } from "react-router";
import type { RoomInfo } from "../../../sdk/admin.ts";
import styles from "./admin.module.css";
import { formatNumber } from "./format.ts";
import { RoomName } from "./room-name.tsx";
import { type RoomNames, roomTitle } from "./room-names.ts";
import { Table } from "./table.tsx";

/** Rooms, those with the most connections first. */
export function RoomTable({ rooms, names }: { rooms: readonly RoomInfo[]; names: RoomNames }) {
  return (
    <Table
      label="Rooms"
      rows={rooms}
      rowKey={({ room }) => room}
      columns={[
        { name: "Room", kind: "name", cell: ({ room }) => <RoomName room={room} names={names} /> },
        {
          name: "Connections",
          kind: "number",
          cell: ({ room, connections }) => (
            <Link to={`/admin/connections?room=${encodeURIComponent(room)}`}>{formatNumber(connections)}</Link>
          ),
        },
        {
          name: "Entries",
          kind: "number",
          cell: ({ head_seq }) => (head_seq === null ? "none" : formatNumber(head_seq)),
        },
        {
          name: "Trace",
          kind: "tools",
          cell: ({ room }) => (
            <Link
              to={`/admin/traces?room=${encodeURIComponent(room)}`}
              className={styles.tool}
              aria-label={`Trace ${roomTitle(room, names[room])}`}
            >
              Trace
            </Link>
          ),
        },
      ]}
    />
  );
}
