import type { ISql } from "../../platform/postgres/sql.ts";

export async function findRoomHeads(sql: ISql, rooms: readonly string[]): Promise<Map<string, number>> {
  const rows = await sql<{ name: string; head: number }[]>`
    SELECT name, head::float8 AS head FROM rooms WHERE name = ANY (${[...rooms]}::text[])`;
  return new Map(rows.map(({ name, head }) => [name, head]));
}
