import type { ISql, TransactionSql } from "../../platform/postgres/sql.ts";

export interface SettingRow {
  name: string;
  value: string;
  set_by: string;
  set_at: Date;
}

export async function readSettings(sql: ISql): Promise<SettingRow[]> {
  return sql<SettingRow[]>`SELECT name, value, set_by, set_at FROM settings ORDER BY name`;
}

/** Serializes changes of settings: what is checked together is written together. */
export async function lockSettings(tx: TransactionSql): Promise<void> {
  await tx`LOCK TABLE settings IN SHARE ROW EXCLUSIVE MODE`;
}

export async function upsertSetting(tx: TransactionSql, name: string, value: string, by: string): Promise<void> {
  await tx`
    INSERT INTO settings (name, value, set_by) VALUES (${name}, ${value}, ${by})
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_by = excluded.set_by, set_at = clock_timestamp()`;
}

export async function deleteSetting(tx: TransactionSql, name: string): Promise<void> {
  await tx`DELETE FROM settings WHERE name = ${name}`;
}
