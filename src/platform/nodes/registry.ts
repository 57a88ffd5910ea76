import type { Sql } from "../postgres/sql.ts";

/** A node that was seen within ten seconds, by the database's clock, and has not left. */
export interface LiveNode {
  /** Its number. Another process may have it later; `run` distinguishes them. */
  node: number;
  run: string;
  version: string;
  roles: string[];
  host: string;
  /** Where it listens, `host:port`. */
  address: string;
  started_at: Date;
  draining: boolean;
  /** Whether its round trip by the broker works. */
  isReceiving: boolean;
  /** All three as it reported them last; `lag`: ms since the moment up to which it had seen all of the log. */
  connections: number;
  rss: number;
  lag: number;
}

export interface NodeWatcher {
  joined?(node: LiveNode): void;
  left?(node: LiveNode): void;
}

/** The live nodes as they were last read, and the watchers of changes. */
export class NodeRegistry {
  nodes: readonly LiveNode[] = [];
  readonly #watchers: NodeWatcher[] = [];

  watch(watcher: NodeWatcher): void {
    this.#watchers.push(watcher);
  }

  /** @param maxAgeMs ms since it was seen */
  async read(sql: Sql, maxAgeMs: number): Promise<void> {
    const before = this.nodes;
    this.nodes = await sql<LiveNode[]>`
      SELECT id AS node, token AS run, version, roles, host, address, started_at, draining, hears AS "isReceiving", connections,
        rss::float8 AS rss, lag::float8 AS lag
      FROM nodes
      WHERE left_at IS NULL AND seen_at > clock_timestamp() - ${maxAgeMs}::float8 * interval '1 millisecond'
      ORDER BY id`;
    for (const watcher of this.#watchers) {
      for (const node of missingIn(before, this.nodes)) watcher.left?.(node);
      for (const node of missingIn(this.nodes, before)) watcher.joined?.(node);
    }
  }
}

function missingIn(nodes: readonly LiveNode[], others: readonly LiveNode[]): LiveNode[] {
  return nodes.filter(({ node, run }) => !others.some((other) => other.node === node && other.run === run));
}
