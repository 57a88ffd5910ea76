import { type LoaderFunctionArgs, Outlet, type ShouldRevalidateFunctionArgs, useLoaderData } from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import { load } from "../server/api-client.ts";
import { readLayoutData } from "../server/layout-data.ts";
import { redirect } from "../server/redirect.ts";
import { AppLayout } from "./app-layout.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, async (api) => {
    try {
      return await readLayoutData(api, request);
    } catch (error) {
      // A new server has no accounts yet.
      if (error instanceof UsherError && error.code === "unauthenticated" && !(await api.rest.meta()).set_up)
        throw redirect("/setup");
      throw error;
    }
  });
}

/** The stream keeps the list up to date between pages; only what the visitor changed is read again. */
export function shouldRevalidate({ formMethod, defaultShouldRevalidate }: ShouldRevalidateFunctionArgs) {
  return formMethod !== undefined && formMethod !== "GET" && defaultShouldRevalidate;
}

/** The signed-in pages: the sidebar with the channels, and the page beside it. */
export default function SignedInLayout() {
  return (
    <AppLayout data={useLoaderData<typeof loader>()}>
      <Outlet />
    </AppLayout>
  );
}
