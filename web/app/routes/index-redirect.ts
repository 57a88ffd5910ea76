import type { LoaderFunctionArgs } from "react-router";
import { LAST_CHANNEL } from "../chat/last-channel.ts";
import { load } from "../server/api-client.ts";
import { readCookie } from "../server/cookie.ts";
import { readStartPath } from "../server/reads.ts";
import { redirect } from "../server/redirect.ts";

/** `/` is not a page: it redirects to where the visitor was last. */
export async function loader({ request }: LoaderFunctionArgs) {
  return redirect(await load(request, (api) => readStartPath(api, readCookie(request, LAST_CHANNEL))));
}
