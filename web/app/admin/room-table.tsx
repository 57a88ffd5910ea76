import { Link } from "react-router";
import type { RoomInfo } from "../../../sdk/admin.ts";
import styles from "./admin.module.css";
import { count } from "./figures.ts";
import { Table } from "./table.tsx";

/** Rooms, the fullest first. */
export function RoomTable({ rooms }: { rooms: readonly RoomInfo[] }) {
  return (
    <Table
      label="Rooms"
      rows={rooms}
      keyOf={({ room }) => room}
      columns={[
        { name: "Room", cell: ({ room }) => <span className={styles.code}>{room}</span> },
        {
          name: "Connections",
          kind: "number",
          cell: ({ room, connections }) => (
            <Link to={`/admin/connections?room=${encodeURIComponent(room)}`}>{count(connections)}</Link>
          ),
        },
        {
          name: "Entries so far",
          kind: "number",
          cell: ({ head_seq }) => (head_seq === null ? "none kept" : count(head_seq)),
        },
        {
          name: "Watch",
          kind: "tools",
          cell: ({ room }) => (
            <Link
              to={`/admin/traces?room=${encodeURIComponent(room)}`}
              className={styles.tool}
              aria-label={`Watch ${room}`}
            >
              Watch
            </Link>
          ),
        },
      ]}
    />
  );
}
