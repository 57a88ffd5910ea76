/**
 * Batches calls: the keys of all that come within `ms` go in one request. Unlike `batchRequests` it does not wait for
 * the question that is under way, because that one may be waiting for a silent node.
 *
 * @param request the keys of all, each once
 */
export function batchKeys<Answer>(ms: number, request: (keys: string[]) => Promise<Answer>) {
  let waiting: { keys: Set<string>; result: Promise<Answer> } | null = null;

  async function sendSoon(keys: Set<string>): Promise<Answer> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    waiting = null;
    return request([...keys]);
  }

  return (keys: readonly string[]): Promise<Answer> => {
    if (waiting === null) {
      const all = new Set<string>();
      waiting = { keys: all, result: sendSoon(all) };
    }
    for (const key of keys) waiting.keys.add(key);
    return waiting.result;
  };
}
