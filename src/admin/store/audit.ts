import type { ISql } from "../../platform/postgres/sql.ts";

export interface AuditRow {
  id: string;
  at: Date;
  actor: string;
  actor_name: string | null;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
  address: string | null;
}

export interface AuditFilter {
  actor: string | null;
  action: string | null;
  from: Date | null;
  to: Date | null;
  /** Older than the act with this id. */
  before: string | null;
}

/** The newest first. */
export async function readAudit(
  sql: ISql,
  { actor, action, from, to, before }: AuditFilter,
  limit: number,
): Promise<AuditRow[]> {
  return sql<AuditRow[]>`
    SELECT id, at, actor, actor_name, action, subject, detail, address FROM audit
    WHERE true
      ${actor === null ? sql`` : sql`AND actor = ${actor}`}
      ${action === null ? sql`` : sql`AND action = ${action}`}
      ${from === null ? sql`` : sql`AND at >= ${from}`}
      ${to === null ? sql`` : sql`AND at < ${to}`}
      ${before === null ? sql`` : sql`AND id < ${before}::numeric`}
    ORDER BY id DESC LIMIT ${limit}`;
}
