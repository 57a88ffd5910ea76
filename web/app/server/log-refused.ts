/** One line for a request that cannot be served because of what it is: no defect of ours, so without a stack. Paths may hold secrets. */
export function logRefused(status: number, { method }: Request): void {
  console.log(`${status}: no page handles this ${method}`);
}
