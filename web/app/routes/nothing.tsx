import { data, type LoaderFunctionArgs, useLoaderData } from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import { ErrorPage, NOT_FOUND } from "../look/error-page.tsx";
import { readFrame } from "../server/frame.ts";
import { hubFor } from "../server/hub.ts";
import { HouseFrame } from "./house-frame.tsx";

/** Any address that no page has. Who is signed in keeps the channels at hand. */
export async function loader({ request }: LoaderFunctionArgs) {
  try {
    return data(await readFrame(hubFor(request), request), { status: 404 });
  } catch (error) {
    if (error instanceof UsherError) throw data(null, { status: 404 });
    throw error;
  }
}

export default function Nothing() {
  return (
    <HouseFrame frame={useLoaderData<typeof loader>()}>
      <ErrorPage error={NOT_FOUND} within="house" />
    </HouseFrame>
  );
}
