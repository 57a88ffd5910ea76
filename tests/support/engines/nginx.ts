import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { findTool } from "../tools.ts";
import { type Engine, startEngine } from "./engine.ts";

export interface NginxEngine extends Engine {
  /** `http://127.0.0.1:PORT` */
  url: string;
  grpcPort: number;
  /** What it has written into its error log. */
  errors(): string;
}

const EXAMPLE = join(import.meta.dirname, "../../../deploy/nginx.conf");

/**
 * nginx with the configuration that deploy/ offers to users, but for its addresses.
 *
 * @param http ports of the nodes on this machine
 * @param grpc ports of their gRPC servers; without any, nothing listens there
 * @param change what differs in this test
 */
export async function startNginx(
  http: number[],
  grpc: number[] = [],
  change = (site: string) => site,
): Promise<NginxEngine> {
  const folder = mkdtempSync(join(tmpdir(), "usher-nginx-"));
  const port = await freePort();
  const grpcPort = await freePort();
  const servers = (ports: number[], fails = 1) =>
    ports.map((one) => `server 127.0.0.1:${one} max_fails=${fails} fail_timeout=5s;`).join("\n");
  const site = replaceAll(readFileSync(EXAMPLE, "utf8"), [
    ["server 127.0.0.1:3003 max_fails=1 fail_timeout=5s;", servers(http)],
    ["server 127.0.0.1:50057 max_fails=3 fail_timeout=5s;", servers(grpc.length === 0 ? [1] : grpc, 3)],
    ["listen 80;", `listen 127.0.0.1:${port};`],
    ["listen 50058 http2;", `listen 127.0.0.1:${grpcPort} http2;`],
  ]);
  writeFileSync(join(folder, "usher.conf"), change(site));
  mkdirSync(join(folder, "temp"));
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path temp/${name};`);
  const whole = `${process.getuid?.() === 0 ? "user root;" : ""}
    daemon off; master_process off; pid nginx.pid; error_log error.log;
    events { worker_connections 2048; }
    http { access_log off; ${temp.join(" ")} include usher.conf; }`;
  writeFileSync(join(folder, "nginx.conf"), whole);
  const command = [findTool("nginx")!, "-p", folder, "-c", "nginx.conf", "-e", "error.log"];
  const engine = await startEngine(port, command, () => rmSync(folder, { recursive: true, force: true }));
  const errors = () => readFileSync(join(folder, "error.log"), "utf8");
  return { ...engine, url: `http://127.0.0.1:${port}`, grpcPort, errors };
}

/** Each once; an example that was changed without this file is a mistake that shows. */
function replaceAll(text: string, pairs: [string, string][]): string {
  return pairs.reduce((soFar, [from, to]) => {
    if (soFar.split(from).length !== 2) throw new Error(`deploy/nginx.conf does not have "${from}" once`);
    return soFar.replace(from, to);
  }, text);
}
