const numbers = new Intl.NumberFormat("en-GB");

/** "12,345" */
export function formatNumber(n: number): string {
  return numbers.format(n);
}

/** "1 room", "2 rooms" */
export function pluralize(n: number, one: string, many = `${one}s`): string {
  return `${formatNumber(n)} ${n === 1 ? one : many}`;
}

/** "312 MB" */
export function formatMegabytes(bytes: number): string {
  return `${formatNumber(Math.round(bytes / 1_048_576))} MB`;
}

/** "0.2 s ago", "74 s ago" */
export function formatSecondsAgo(ms: number): string {
  return `${ms < 10_000 ? (ms / 1_000).toFixed(1) : formatNumber(Math.round(ms / 1_000))} s ago`;
}

/** How long ago: "3 d 4 h", "4 h 12 min", "12 min", "under a minute". */
export function formatAge(since: string, now: number): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(since)) / 60_000));
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor((minutes % 1_440) / 60)];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : "under a minute";
}
