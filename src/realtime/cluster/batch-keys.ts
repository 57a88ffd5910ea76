/**
 * Batches calls: the keys of all calls within `ms` go in one request. Unlike `batchRequests` it does not wait for the request
 * that is under way, because that one may be waiting for a node that does not reply.
 *
 * @param request gets the keys of all calls, each once
 */
export function batchKeys<Result>(ms: number, request: (keys: string[]) => Promise<Result>) {
  let waiting: { keys: Set<string>; result: Promise<Result> } | null = null;

  async function sendSoon(keys: Set<string>): Promise<Result> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    waiting = null;
    return request([...keys]);
  }

  return (keys: readonly string[]): Promise<Result> => {
    if (waiting === null) {
      const all = new Set<string>();
      waiting = { keys: all, result: sendSoon(all) };
    }
    for (const key of keys) waiting.keys.add(key);
    return waiting.result;
  };
}
