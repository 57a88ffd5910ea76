import { clampId } from "../../platform/postgres/any-id.ts";
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
  /** Older than the entry with this id. */
  before: string | null;
}

/**
 * The newest first. Ids grow with time, except within one moment: so a time is also a position among the ids, and only the range
 * between is read.
 */
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
      ${from === null ? sql`` : sql`AND at >= ${from} AND id >= (SELECT id FROM audit WHERE at >= ${from}::timestamptz - interval '1 minute' ORDER BY at LIMIT 1)`}
      ${to === null ? sql`` : sql`AND at < ${to} AND id <= (SELECT id FROM audit WHERE at < ${to}::timestamptz + interval '1 minute' ORDER BY at DESC LIMIT 1)`}
      ${before === null ? sql`` : sql`AND id < ${clampId(sql, before)}`}
    ORDER BY id DESC LIMIT ${limit}`;
}
