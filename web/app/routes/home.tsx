import { Button } from "@mantine/core";
import { useEffect, useRef } from "react";
import { Link, useSearchParams } from "react-router";
import { useChannels, useChat } from "../chat/chat-context.tsx";
import { bidiIsolate } from "../ui/bidi-isolate.ts";
import { DocumentTitle } from "../ui/page-layout.tsx";
import styles from "./home.module.css";

/** Shown beside the list of channels while none is open; on a phone only the list is shown. */
export default function Home() {
  const { me } = useChat();
  const isEmpty = useChannels().length === 0;
  const [query] = useSearchParams();
  if (query.has("left")) return <LeftChannel />;
  return (
    <div className={styles.home}>
      <DocumentTitle>Channels</DocumentTitle>
      <h1>{isEmpty ? `Welcome, ${bidiIsolate(me.name ?? me.username)}` : "No channel selected"}</h1>
      <p>
        {isEmpty
          ? "You have not joined a channel yet. Create one and invite others, or join an existing one."
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

/** Shown when the open channel is gone. The heading gets the focus, as the focused element is gone too. */
function LeftChannel() {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className={styles.home}>
      <DocumentTitle>Channels</DocumentTitle>
      <h1 ref={heading} tabIndex={-1}>
        You are no longer in that channel
      </h1>
      <p>You left it, you were removed from it, or it was deleted.</p>
      <div className={styles.ways}>
        <Button component={Link} to="/channels" replace>
          Go to your channels
        </Button>
      </div>
    </div>
  );
}
