import * as build from "virtual:react-router/server-build";
import { createRequestHandler } from "react-router";
import { logRefused } from "./server/log-refused.ts";

const handleRequest = createRequestHandler(build, import.meta.env.MODE);

/** The pages as one function: web/build/server/index.js exports it, bundled with all its dependencies. */
export async function handle(request: Request): Promise<Response> {
  if (request.body !== null && !(await isReadable(request.clone()))) {
    logRefused(400, request);
    return new Response("The body of this form cannot be read.\n", { status: 400 });
  }
  return handleRequest(request);
}

/** Checked once here, and not in each action that reads a form. */
async function isReadable(request: Request): Promise<boolean> {
  try {
    await request.formData();
    return true;
  } catch {
    return false;
  }
}
