import { Button } from "@mantine/core";
import { Link } from "react-router";
import { useChannels, useHouse } from "../chat/house-context.tsx";
import { isolate } from "../look/isolate.ts";
import { HouseTitle } from "../look/page.tsx";
import styles from "./home.module.css";

/** Beside the list of channels while none is open; on a phone the list alone is shown. */
export default function Home() {
  const { me } = useHouse();
  const isEmpty = useChannels().length === 0;
  return (
    <div className={styles.home}>
      <HouseTitle>Channels</HouseTitle>
      <h1>{isEmpty ? `Welcome, ${isolate(me.name ?? me.username)}` : "No channel is open"}</h1>
      <p>
        {isEmpty
          ? "You have not joined a channel yet. Create one and invite others, or join one that is there."
          : "Choose a channel or a direct chat from the list."}
      </p>
      <div className={styles.ways}>
        <Button component={Link} to="/channels/new">
          Create a channel
        </Button>
        <Button component={Link} to="/channels/browse" variant="default">
          Browse channels
        </Button>
      </div>
    </div>
  );
}
