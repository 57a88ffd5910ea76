import { createContext, type ReactNode, use, useEffect, useState } from "react";
import type { Me } from "../../../protocol/objects.ts";
import { type Client, createClient } from "../../../sdk/client.ts";
import type { ConnectionState } from "../../../sdk/connection.ts";
import { House, type HouseSnapshot } from "./house.ts";
import { followHouse } from "./house-stream.ts";
import { useValue } from "./value.ts";

interface HouseContextValue {
  /** Who is signed in. */
  me: Me;
  house: House;
  /** Null until the page runs in a browser. */
  client: Client | null;
  link: ConnectionState;
}

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
  const { me, channels, position } = snapshot;

  useEffect(() => house.refresh({ channels, position }), [house, channels, position]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the position is where the stream begins; later ones come with frames.
  useEffect(() => {
    const made = createClient({ userId: house.myId, storage: sessionStorage });
    made.on("state", (state) => {
      setLink(state);
      if (state === "refused") leave(made.refusal?.code ?? null);
    });
    const stop = followHouse(made, house, position);
    made.connect();
    setClient(made);
    return () => {
      stop();
      made.close();
    };
  }, [house]);

  return <HouseContext value={{ me, house, client, link }}>{children}</HouseContext>;
}

/** The server does not want this sign-in any more: what is on the screen must go too. */
function leave(code: number | null): void {
  const here = encodeURIComponent(location.pathname + location.search);
  location.replace(
    code === 4103 ? "/login?ended=banned" : code === 4102 ? "/login?ended=signed_out" : `/login?to=${here}`,
  );
}
