import type { WebhookParkedEntry } from "../../../sdk/admin.ts";
import { useClock } from "../chat/clock.tsx";
import { formatDateTime } from "../chat/time.ts";
import { RoomName } from "./room-name.tsx";
import type { RoomNames } from "./room-names.ts";
import { Table } from "./table.tsx";

/** Log entries for which no webhook was sent, the newest first, each with the reason. */
export function ParkedTable({ entries, names }: { entries: readonly WebhookParkedEntry[]; names: RoomNames }) {
  const { timeZone } = useClock();
  return (
    <Table
      label="Parked events"
      rows={entries}
      rowKey={({ id }) => id}
      columns={[
        { name: "Event", kind: "name", cell: ({ event_type }) => event_type },
        { name: "Room", cell: ({ room }) => <RoomName room={room} names={names} /> },
        { name: "Seq", kind: "number", cell: ({ seq }) => seq },
        { name: "Parked", kind: "short", cell: ({ parked_at }) => formatDateTime(parked_at, timeZone) },
        { name: "Reason", cell: ({ reason }) => reason },
      ]}
    />
  );
}
