/** One line for a request that cannot be served because of what it is: no defect of ours, so without a stack. Paths may hold secrets. */
export function tellRefused(status: number, { method }: Request): void {
  console.log(`${status}: a ${method} that no page takes`);
}
