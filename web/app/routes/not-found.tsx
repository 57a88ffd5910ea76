import { type ActionFunctionArgs, data, type LoaderFunctionArgs, useLoaderData } from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import { createApiClient } from "../server/api-client.ts";
import { readLayoutData } from "../server/layout-data.ts";
import { logRefused } from "../server/log-refused.ts";
import { ErrorPage, NOT_FOUND } from "../ui/error-page.tsx";
import { AppLayout } from "./app-layout.tsx";

/** Any address without a page. For a signed-in user the channels stay visible. */
export async function loader({ request }: LoaderFunctionArgs) {
  try {
    return data(await readLayoutData(createApiClient(request), request), { status: 404 });
  } catch (error) {
    if (error instanceof UsherError) throw data(null, { status: 404 });
    throw error;
  }
}

/** Any post to such an address. */
export function action({ request }: ActionFunctionArgs): never {
  logRefused(404, request);
  throw data(null, { status: 404 });
}

export default function NotFound() {
  return (
    <AppLayout data={useLoaderData<typeof loader>()}>
      <ErrorPage error={NOT_FOUND} within="layout" />
    </AppLayout>
  );
}
