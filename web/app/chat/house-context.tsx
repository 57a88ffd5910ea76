import { createContext, type ReactNode, use, useEffect, useState } from "react";
import type { Me } from "../../../protocol/objects.ts";
import { type Client, createClient } from "../../../sdk/client.ts";
import type { ConnectionState } from "../../../sdk/connection.ts";
import { House, type HouseSnapshot } from "./house.ts";
import { followHouse } from "./house-stream.ts";
import { type Reach, useReach } from "./use-reach.ts";
import { useValue } from "./value.ts";

interface HouseContextValue {
  /** Who is signed in. */
  me: Me;
  house: House;
  /** Null until the page runs in a browser. */
  client: Client | null;
  link: ConnectionState;
  /** Unless it is `well`, what the connection told last may be true no more. */
  reach: Reach;
}

/** ms in which a new sign-in's answer reaches the browser. */
const COOKIE_MS = 1_000;

const HouseContext = createContext<HouseContextValue | null>(null);

export function useHouse(): HouseContextValue {
  const value = use(HouseContext);
  if (!value) throw new Error("useHouse is used outside of HouseProvider");
  return value;
}

export function useChannels() {
  return useValue(useHouse().house.channels);
}

/** Holds the state of the pages behind the door, and the one connection that keeps it true. */
export function HouseProvider({ snapshot, children }: { snapshot: HouseSnapshot; children: ReactNode }) {
  const [house] = useState(() => new House(snapshot));
  const [client, setClient] = useState<Client | null>(null);
  const [link, setLink] = useState<ConnectionState>("idle");
  const reach = useReach(link);
  const { me, channels, position } = snapshot;

  useEffect(() => house.refresh({ channels, position }), [house, channels, position]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the position is where the stream begins; later ones come with frames.
  useEffect(() => {
    const made = createClient({ userId: house.myId, storage: sessionStorage });
    made.on("state", (state) => {
      setLink(state);
      if (state === "refused") void leave(made);
    });
    const stop = followHouse(made, house, position);
    made.connect();
    setClient(made);
    return () => {
      stop();
      made.close();
    };
  }, [house]);

  return <HouseContext value={{ me, house, client, link, reach }}>{children}</HouseContext>;
}

/**
 * The server does not want this sign-in any more: what is on the screen must go too. When another one has taken its place in this
 * browser, of this person or of another one, the page is loaded for it.
 */
async function leave(client: Client): Promise<void> {
  const { refusal } = client;
  const code = refusal?.code ?? null;
  const here = location.pathname + location.search;
  if (refusal?.isOtherPerson || (await isSignedInAgain(client))) location.replace(here);
  else if (code === 4103) location.replace("/login?ended=banned");
  else if (code === 4102) location.replace("/login?ended=signed_out");
  else location.replace(`/login?to=${encodeURIComponent(here)}`);
}

/** A sign-in ends the session before it, which is heard here before the browser has the new cookie: so it is asked twice. */
async function isSignedInAgain({ rest }: Client): Promise<boolean> {
  for (const wait of [0, COOKIE_MS]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if ((await rest.users.me().catch(() => null)) !== null) return true;
  }
  return false;
}
