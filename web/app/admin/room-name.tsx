import { Link } from "react-router";
import { type RoomNames, roomPath, roomTitle } from "./room-names.ts";

/** A room by its display name, with a link to it; its technical name is in the tooltip. */
export function RoomName({ room, names }: { room: string; names: RoomNames }) {
  const named = names[room];
  return (
    <Link to={roomPath(room, named)} title={room}>
      <bdi>{roomTitle(room, named)}</bdi>
    </Link>
  );
}
