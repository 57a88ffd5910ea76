import { Link } from "react-router";
import { type RoomNames, roomPath, roomTitle } from "./room-names.ts";

/** A room as people call it, with a link to it; its name on the wire is in the tooltip. */
export function RoomName({ room, names }: { room: string; names: RoomNames }) {
  const named = names[room];
  return (
    <Link to={roomPath(room, named)} title={room}>
      <bdi>{roomTitle(room, named)}</bdi>
    </Link>
  );
}
