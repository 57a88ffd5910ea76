import { exitWith, StartError } from "../src/config/start-error.ts";

/**
 * `npm run sim -- cluster [rounds]`: the cluster's simulation, long (5 rounds of all faults with each broker by default).
 * `npm run sim -- users [seconds]`: the thousand users of tests/sim, for 300 s by default.
 */
const RUNS: Record<string, { file: string; variable: string; usual: number }> = {
  cluster: { file: "tests/cluster/cluster.test.ts", variable: "SIM_ROUNDS", usual: 5 },
  users: { file: "tests/sim/sim.test.ts", variable: "SIM_SECONDS", usual: 300 },
};

const [name = "", amount] = process.argv.slice(2);
const run = RUNS[name];
try {
  if (run === undefined) throw new StartError(`Usage: npm run sim -- ${Object.keys(RUNS).join(" or ")}.`);
  const env = { ...process.env, [run.variable]: process.env[run.variable] ?? amount ?? String(run.usual) };
  const command = [process.execPath, "--no-env-file", "test", "--timeout=7200000", `./${run.file}`];
  process.exit(await Bun.spawn(command, { env, stdio: ["ignore", "inherit", "inherit"] }).exited);
} catch (error) {
  exitWith(error);
}
