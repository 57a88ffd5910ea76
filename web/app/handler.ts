import * as build from "virtual:react-router/server-build";
import { createRequestHandler } from "react-router";

/** The pages as one function: web/build/server/index.js exports it with everything it needs bundled in. */
export const handle = createRequestHandler(build, import.meta.env.MODE);
