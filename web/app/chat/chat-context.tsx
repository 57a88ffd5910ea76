import { createContext, type ReactNode, use, useEffect, useState } from "react";
import type { Me } from "../../../protocol/objects.ts";
import { type Client, createClient } from "../../../sdk/client.ts";
import type { ConnectionState } from "../../../sdk/connection.ts";
import { type ChannelListSnapshot, ChannelListStore } from "./channel-list-store.ts";
import { followChannelList } from "./channel-list-stream.ts";
import { useObservable } from "./observable.ts";
import { type ConnectionStatus, useConnectionStatus } from "./use-connection-status.ts";

interface ChatContextValue {
  /** Who is signed in. */
  me: Me;
  channelList: ChannelListStore;
  /** Null until the page runs in a browser. */
  client: Client | null;
  connectionState: ConnectionState;
  /** Unless it is `connected`, live data may be out of date. */
  connectionStatus: ConnectionStatus;
}

/** ms within which the response of a new sign-in reaches the browser. */
const COOKIE_DELAY_MS = 1_000;

const ChatContext = createContext<ChatContextValue | null>(null);

export function useChat(): ChatContextValue {
  const value = use(ChatContext);
  if (!value) throw new Error("useChat is used outside of ChatProvider");
  return value;
}

export function useChannels() {
  return useObservable(useChat().channelList.channels);
}

/** Holds the state of the signed-in pages, and the one connection that keeps it up to date. */
export function ChatProvider({ snapshot, children }: { snapshot: ChannelListSnapshot; children: ReactNode }) {
  const [channelList] = useState(() => new ChannelListStore(snapshot));
  const [client, setClient] = useState<Client | null>(null);
  const [connectionState, setConnectionState] = useState<ConnectionState>("idle");
  const connectionStatus = useConnectionStatus(connectionState);
  const { me, channels, position } = snapshot;

  useEffect(() => channelList.refresh({ channels, position }), [channelList, channels, position]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the position is where the stream begins; later ones come with frames.
  useEffect(() => {
    const newClient = createClient({ userId: channelList.userId, storage: sessionStorage });
    newClient.on("state", (state) => {
      setConnectionState(state);
      if (state === "refused") void handleRefused(newClient);
    });
    const stop = followChannelList(newClient, channelList, position);
    newClient.connect();
    setClient(newClient);
    return () => {
      stop();
      newClient.close();
    };
  }, [channelList]);

  return <ChatContext value={{ me, channelList, client, connectionState, connectionStatus }}>{children}</ChatContext>;
}

/**
 * The session is no longer valid: the page must not show its data any more. When there is a new session in this browser, of this person
 * or another one, the page is loaded for it.
 */
async function handleRefused(client: Client): Promise<void> {
  const { refusal } = client;
  const code = refusal?.code ?? null;
  const here = location.pathname + location.search;
  if (refusal?.isOtherPerson || (await isSignedInAgain(client))) location.replace(here);
  else if (code === 4103) location.replace("/login?ended=banned");
  else if (code === 4102) location.replace("/login?ended=signed_out");
  else location.replace(`/login?to=${encodeURIComponent(here)}`);
}

/** A sign-in ends the session before it, and that arrives here before the browser has the new cookie: hence two attempts. */
async function isSignedInAgain({ rest }: Client): Promise<boolean> {
  for (const delayMs of [0, COOKIE_DELAY_MS]) {
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if ((await rest.users.me().catch(() => null)) !== null) return true;
  }
  return false;
}
