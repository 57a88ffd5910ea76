import { type LoaderFunctionArgs, Outlet, type ShouldRevalidateFunctionArgs, useLoaderData } from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import { ClockProvider } from "../chat/clock.tsx";
import { HouseProvider } from "../chat/house-context.tsx";
import { knownZone } from "../chat/time.ts";
import { cookieOf } from "../server/cookie.ts";
import { load } from "../server/hub.ts";
import { readHouse } from "../server/reads.ts";
import { redirect } from "../server/redirect.ts";
import { Shell } from "./shell.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const zone = knownZone(cookieOf(request, "zone"));
  const snapshot = await load(request, async (hub) => {
    try {
      return await readHouse(hub);
    } catch (error) {
      // A new server has nobody who could sign in.
      if (error instanceof UsherError && error.code === "unauthenticated" && !(await hub.rest.meta()).set_up)
        throw redirect("/setup");
      throw error;
    }
  });
  return { ...snapshot, zone, now: Date.now() };
}

/** The stream keeps the list true between pages; only what the visitor changed himself is read again. */
export function shouldRevalidate({ formMethod, defaultShouldRevalidate }: ShouldRevalidateFunctionArgs) {
  return formMethod !== undefined && formMethod !== "GET" && defaultShouldRevalidate;
}

/** Everything behind the door: the rail with the channels, and the page beside it. */
export default function HouseLayout() {
  const { zone, now, ...snapshot } = useLoaderData<typeof loader>();
  return (
    <ClockProvider timeZone={zone} now={now}>
      <HouseProvider snapshot={snapshot}>
        <Shell>
          <Outlet />
        </Shell>
      </HouseProvider>
    </ClockProvider>
  );
}
