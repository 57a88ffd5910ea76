import type { Page } from "../platform/http/paging.ts";
import type { AdminDeps } from "./deps.ts";
import { type AuditFilter, type AuditRow, readAudit } from "./store/audit.ts";

export type AuditEntry = Omit<AuditRow, "at"> & { at: string };

/** The actions of admins, the newest first. */
export async function listAudit(
  { sql }: Pick<AdminDeps, "sql">,
  { limit, ...filter }: AuditFilter & { limit: number },
): Promise<Page<AuditEntry>> {
  const rows = await readAudit(sql, filter, limit + 1);
  const data = rows.slice(0, limit).map((row) => ({ ...row, at: row.at.toISOString() }));
  return { data, next: rows.length > limit ? data.at(-1)!.id : null, prev: null };
}
