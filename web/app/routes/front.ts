import type { LoaderFunctionArgs } from "react-router";
import { LAST_CHANNEL } from "../chat/last-channel.ts";
import { cookieOf } from "../server/cookie.ts";
import { load } from "../server/hub.ts";
import { readFront } from "../server/reads.ts";
import { redirect } from "../server/redirect.ts";

/** `/` is no page of its own: it leads to where the visitor was last. */
export async function loader({ request }: LoaderFunctionArgs) {
  return redirect(await load(request, (hub) => readFront(hub, cookieOf(request, LAST_CHANNEL))));
}
