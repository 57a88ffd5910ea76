import { type LoaderFunctionArgs, Outlet, type ShouldRevalidateFunctionArgs, useLoaderData } from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import { readFrame } from "../server/frame.ts";
import { load } from "../server/hub.ts";
import { redirect } from "../server/redirect.ts";
import { HouseFrame } from "./house-frame.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, async (hub) => {
    try {
      return await readFrame(hub, request);
    } catch (error) {
      // A new server has nobody who could sign in.
      if (error instanceof UsherError && error.code === "unauthenticated" && !(await hub.rest.meta()).set_up)
        throw redirect("/setup");
      throw error;
    }
  });
}

/** The stream keeps the list true between pages; only what the visitor changed himself is read again. */
export function shouldRevalidate({ formMethod, defaultShouldRevalidate }: ShouldRevalidateFunctionArgs) {
  return formMethod !== undefined && formMethod !== "GET" && defaultShouldRevalidate;
}

/** Everything behind the door: the rail with the channels, and the page beside it. */
export default function HouseLayout() {
  return (
    <HouseFrame frame={useLoaderData<typeof loader>()}>
      <Outlet />
    </HouseFrame>
  );
}
