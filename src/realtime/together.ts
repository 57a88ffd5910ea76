/**
 * Lets asks travel together: the keys of all that come within `ms` go in one question. Unlike `collect` it does not wait for
 * the question that is under way, because that one may be waiting for a silent node.
 *
 * @param ask the keys of all, each once
 */
export function together<Answer>(ms: number, ask: (keys: string[]) => Promise<Answer>) {
  let waiting: { keys: Set<string>; answer: Promise<Answer> } | null = null;

  async function sendSoon(keys: Set<string>): Promise<Answer> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    waiting = null;
    return ask([...keys]);
  }

  return (keys: readonly string[]): Promise<Answer> => {
    if (waiting === null) {
      const all = new Set<string>();
      waiting = { keys: all, answer: sendSoon(all) };
    }
    for (const key of keys) waiting.keys.add(key);
    return waiting.answer;
  };
}
