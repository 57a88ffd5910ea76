/**
 * Preloaded into a server: measures for how long its event loop was blocked at a time. `GET /` on the Unix socket BENCH_PROBE returns the
 * longest time since the last request, in ms: by the clock, which on a busy machine includes other programs, and of the
 * thread's own CPU time.
 */
const EVERY_MS = 1;

let last = performance.now();
let lastCpu = cpuMs();
let longest = { wall: 0, cpu: 0 };

setInterval(sample, EVERY_MS);

/** Also at each question: it may come before the timer that a hold has made late. */
function sample(): void {
  const [now, cpu] = [performance.now(), cpuMs()];
  longest = {
    wall: Math.max(longest.wall, now - last - EVERY_MS),
    cpu: Math.max(longest.cpu, cpu - lastCpu),
  };
  [last, lastCpu] = [now, cpu];
}

Bun.serve({
  unix: process.env.BENCH_PROBE!,
  fetch() {
    sample();
    const response = Response.json(longest);
    longest = { wall: 0, cpu: 0 };
    return response;
  },
});

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
