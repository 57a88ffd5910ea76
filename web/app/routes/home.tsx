import { Button } from "@mantine/core";
import { Link } from "react-router";
import { useChannels, useHouse } from "../chat/house-context.tsx";
import { HouseTitle } from "../look/page.tsx";
import styles from "./home.module.css";

/** The front page: beside the list on a wide screen; on a phone the list alone is shown. */
export default function Home() {
  const { me } = useHouse();
  const channels = useChannels();
  return (
    <div className={styles.home}>
      <HouseTitle>Channels</HouseTitle>
      {channels.length === 0 ? (
        <>
          <h1>Good to see you, {me.name ?? me.username}.</h1>
          <p>There is nothing here yet. Create a channel and invite others, or look for one to join.</p>
        </>
      ) : (
        <>
          <h1>Pick up where you left off</h1>
          <p>Choose a channel or a chat on the left.</p>
        </>
      )}
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
