import { type ActionFunctionArgs, data, type LoaderFunctionArgs, useLoaderData } from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import { ErrorPage, NOT_FOUND } from "../look/error-page.tsx";
import { readFrame } from "../server/frame.ts";
import { hubFor } from "../server/hub.ts";
import { tellRefused } from "../server/refused.ts";
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

/** Whatever is sent to such an address. */
export function action({ request }: ActionFunctionArgs): never {
  tellRefused(404, request);
  throw data(null, { status: 404 });
}

export default function Nothing() {
  return (
    <HouseFrame frame={useLoaderData<typeof loader>()}>
      <ErrorPage error={NOT_FOUND} within="house" />
    </HouseFrame>
  );
}
