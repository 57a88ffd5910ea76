/**
 * The known name that `name` is one slip away from: a letter left out, added, changed, or swapped with its neighbour,
 * or another case. Null for a name that is known, or that is simply a stranger.
 */
export function findNearMiss(name: string, known: readonly string[]): string | null {
  if (known.includes(name)) return null;
  const upper = name.toUpperCase();
  return known.find((candidate) => isOneSlip(upper, candidate)) ?? null;
}

function isOneSlip(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const restA = a.slice(start);
  const restB = b.slice(start);
  if (restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1)) return true;
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
}
