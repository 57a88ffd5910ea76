import type { ReactNode } from "react";
import styles from "./admin.module.css";

interface Column<T> {
  name: string;
  /**
   * Numbers are aligned at the end; short content is not wrapped; names get space before other columns; tools have no visible
   * heading.
   */
  kind?: "number" | "short" | "name" | "tools";
  cell: (row: T) => ReactNode;
}

interface TableProps<T> {
  label: string;
  rows: readonly T[];
  rowKey: (row: T) => string;
  columns: readonly Column<T>[];
}

/** A table that becomes a list of cards on a narrow screen. The roles are explicit: `display` removes those of the elements. */
export function Table<T>({ label, rows, rowKey, columns }: TableProps<T>) {
  return (
    // biome-ignore-start lint/a11y/noRedundantRoles: see above.
    <table role="table" className={styles.table} aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ name, kind }) => (
            <th key={name} role="columnheader" scope="col" data-kind={kind}>
              {kind === "tools" ? <span className="visually-hidden">{name}</span> : name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={rowKey(row)} role="row">
            {columns.map(({ name, kind, cell }) => (
              <td key={name} role="cell" data-kind={kind} data-label={name}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
    // biome-ignore-end lint/a11y/noRedundantRoles: see above.
  );
}
