import { type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { Rest } from "../../../../sdk/rest.ts";
import styles from "../../admin/admin.module.css";
import { StaleNotice } from "../../admin/controls.tsx";
import { readRoomNames } from "../../admin/room-names.ts";
import { RoomTable } from "../../admin/room-table.tsx";
import { usePolling } from "../../admin/use-polling.ts";
import { load } from "../../server/api-client.ts";
import { EmptyState } from "../../ui/page-layout.tsx";

async function read(rest: Rest) {
  const rooms = await rest.admin.rooms();
  const names = await readRoomNames(
    rest,
    rooms.data.map(({ room }) => room),
  );
  return { ...rooms, names };
}

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, ({ rest }) => read(rest));
}

/** The hundred rooms with the most connections: read again every two seconds. */
export default function Rooms() {
  const { value, isStale } = usePolling(useLoaderData<typeof loader>(), read);
  return (
    <>
      <StaleNotice isStale={isStale} />
      <section className={styles.part}>
        <p className={styles.lead}>
          The 100 rooms with the most connections on all nodes. Entries: how many were written to the room’s log so far.
        </p>
        {value.partial && <p className={styles.note}>Not all nodes replied in time: there may be more.</p>}
        {value.data.length === 0 ? (
          <EmptyState title="No rooms in use">A room appears here when someone joins it.</EmptyState>
        ) : (
          <RoomTable rooms={value.data} names={value.names} />
        )}
      </section>
    </>
  );
}
