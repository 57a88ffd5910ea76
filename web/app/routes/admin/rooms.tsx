import { type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { Rest } from "../../../../sdk/rest.ts";
import styles from "../../admin/admin.module.css";
import { LateNote } from "../../admin/parts.tsx";
import { readRoomNames } from "../../admin/room-names.ts";
import { RoomTable } from "../../admin/room-table.tsx";
import { useLive } from "../../admin/use-live.ts";
import { Empty } from "../../look/page.tsx";
import { load } from "../../server/hub.ts";

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
  const { value, late } = useLive(useLoaderData<typeof loader>(), read);
  return (
    <>
      <LateNote late={late} />
      <section className={styles.part}>
        <p className={styles.lead}>
          The hundred rooms with the most connections, over all nodes. Entries: how much was ever kept in the room’s
          log.
        </p>
        {value.partial && <p className={styles.note}>Not all nodes answered in time: there may be more.</p>}
        {value.data.length === 0 ? (
          <Empty title="Nobody is in a room">Rooms show up here as soon as somebody is connected to one.</Empty>
        ) : (
          <RoomTable rooms={value.data} names={value.names} />
        )}
      </section>
    </>
  );
}
