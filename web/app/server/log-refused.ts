/** Logs one line for a request that cannot be served: it is no defect of the server, so without a stack. Paths may contain secrets. */
export function logRefused(status: number, { method }: Request): void {
  console.log(`${status}: no page handles this ${method}`);
}
