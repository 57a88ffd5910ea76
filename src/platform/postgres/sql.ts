import { DatabaseError, escapeIdentifier, type QueryConfig, type QueryResult } from "pg";

/** The rows of a result; `count` is also set where no rows are returned: how many a statement changed. */
export type Rows<T extends readonly object[]> = T & { readonly count: number };

// biome-ignore lint/suspicious/noExplicitAny: what a query without a type returns is known to its author only.
type AnyRow = Record<string, any>;

/**
 * SQL as a tagged template, on the pool or in a transaction. `${value}` becomes a parameter: text, number, boolean, Date, bytes,
 * null, or an array of these but bytes (say its type: `${ids}::bigint[]`). `${sql`…`}` becomes a part of the statement.
 * Nothing is sent before the result is awaited. Types: bigint and numeric as text, timestamptz as Date, json parsed.
 * Rejects with pg's `DatabaseError` for what PostgreSQL refuses and with `ConnectionLost` when there is no reply.
 */
export interface ISql {
  <T extends readonly object[] = AnyRow[]>(text: TemplateStringsArray, ...values: readonly unknown[]): Query<T>;
  /** A name of a table or column. */
  (name: string): SqlFragment;
  /** `(a, b) VALUES (…)` for INSERT INTO, from one row. Its keys are written into the statement. */
  row(row: object): SqlFragment;
  /** `a = …, b = …` for UPDATE … SET. Its keys are written into the statement. */
  set(changes: object): SqlFragment;
  /** One statement that a library wrote, with `$1`, `$2` … for its values. */
  query<T extends readonly object[] = AnyRow[]>(text: string, values?: readonly unknown[]): Promise<Rows<T>>;
  /** One or many statements as they are. Never with anything from outside in the text. */
  unsafe<T extends readonly object[] = AnyRow[]>(text: string): Promise<Rows<T>>;
}

/** Statements of one transaction, one after the other on one connection. Refused when it has ended. */
export type TransactionSql = ISql;

export interface Sql extends ISql {
  /**
   * Runs `work` in a transaction: COMMIT when it resolves, ROLLBACK when it or a statement failed. When the connection is lost, all
   * of its statements fail; none ever runs elsewhere. `mode`: such as "isolation level read committed".
   */
  begin<T>(work: (tx: TransactionSql) => Promise<T>): Promise<T>;
  begin<T>(mode: string, work: (tx: TransactionSql) => Promise<T>): Promise<T>;
  /** One connection for `work` alone, for what lives as long as a session. */
  reserve<T>(work: (connection: ISql) => Promise<T>): Promise<T>;
}

/** A fragment of SQL with its parameters. */
export class SqlFragment {
  readonly strings: readonly string[];
  readonly values: readonly unknown[];
  /** Whether its statement is worth preparing: not with the name of a table that will go. */
  readonly isPreparable: boolean;

  constructor(strings: readonly string[], values: readonly unknown[], isPreparable = true) {
    this.strings = strings;
    this.values = values;
    this.isPreparable = isPreparable;
  }
}

/** Sends a statement (a text: one or many, without parameters) and returns what pg returns. */
export type RunQuery = (query: QueryConfig | string) => Promise<QueryResult>;

/** A statement that is sent when it is awaited, once; or a part of another one. */
export class Query<T extends readonly object[]> extends SqlFragment implements Promise<Rows<T>> {
  readonly [Symbol.toStringTag] = "Query";
  readonly #run: RunQuery;
  #result: Promise<Rows<T>> | null = null;

  constructor(run: RunQuery, strings: readonly string[], values: readonly unknown[]) {
    super(strings, values);
    this.#run = run;
  }

  #send(): Promise<Rows<T>> {
    this.#result ??= execute<T>(this.#run, this);
    return this.#result;
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting is what sends it.
  then<A = Rows<T>, B = never>(
    done?: ((rows: Rows<T>) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#send().then(done, failed);
  }

  catch<B = never>(failed?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<Rows<T> | B> {
    return this.#send().catch(failed);
  }

  finally(ended?: (() => void) | null): Promise<Rows<T>> {
    return this.#send().finally(ended);
  }
}

async function execute<T extends readonly object[]>(run: RunQuery, query: SqlFragment): Promise<Rows<T>> {
  const statementToRun = buildStatement(query);
  try {
    return toRows<T>(await run(statementToRun));
  } catch (error) {
    // The stack of such an error ends in the driver. The text has no values in it, so it may be logged.
    if (error instanceof DatabaseError) Object.assign(error, { sql: statementToRun.text });
    throw error;
  }
}

function toRows<T extends readonly object[]>(result: QueryResult | QueryResult[]): Rows<T> {
  const last = Array.isArray(result) ? result.at(-1)! : result; // many statements have many results
  return Object.defineProperty(last.rows, "count", { value: last.rowCount ?? 0 }) as unknown as Rows<T>;
}

/** Statements by text: each is prepared once per connection. More than these can only be texts with values in them. */
const preparedNames = new Map<string, string>();
const MAX_PREPARED = 1_000;

function getPreparedName(text: string): string | undefined {
  let name = preparedNames.get(text);
  if (name === undefined && preparedNames.size < MAX_PREPARED) {
    name = `usher_${preparedNames.size}`;
    preparedNames.set(text, name);
  }
  return name;
}

interface Statement {
  text: string;
  values: unknown[];
  name?: string;
}

/** Statements without parts, by the template in the source: their text never changes. */
const cachedStatements = new WeakMap<readonly string[], Statement>();

function buildStatement(fragment: SqlFragment): Statement {
  const whole = !fragment.values.some((value) => value instanceof SqlFragment);
  const cached = whole ? cachedStatements.get(fragment.strings) : undefined;
  if (cached) return { ...cached, values: fragment.values.map(toParameter) };
  const made: Statement = { text: "", values: [] };
  const name = appendFragment(fragment, made) ? getPreparedName(made.text) : undefined;
  if (name !== undefined) made.name = name;
  if (whole) cachedStatements.set(fragment.strings, { ...made, values: [] });
  return made;
}

/** Puts a part's text, its parameters numbered, and their values after those of `made`. False: a name in it will not last. */
function appendFragment({ strings, values, isPreparable }: SqlFragment, made: Statement): boolean {
  let all = isPreparable;
  made.text += strings[0]!;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value instanceof SqlFragment) all = appendFragment(value, made) && all;
    else made.text += `$${made.values.push(toParameter(value))}`;
    made.text += strings[i + 1]!;
  }
  return all;
}

function toParameter(value: unknown): string | Uint8Array | null {
  if (typeof value === "string" || value === null) return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return toArrayText(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`A value of type ${typeof value} cannot be a parameter of SQL.`);
}

/** PostgreSQL's text of an array: `{"a","b",NULL}`. */
function toArrayText(items: readonly unknown[]): string {
  let text = "{";
  for (const item of items) {
    if (text.length > 1) text += ",";
    if (item === null) text += "NULL";
    else if (Array.isArray(item)) text += toArrayText(item);
    else if (item instanceof Uint8Array) throw new TypeError("Bytes cannot be in an array of SQL.");
    else text += `"${String(toParameter(item)).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  }
  return `${text}}`;
}

/** The interface on top of what runs statements. */
export function createTag(run: RunQuery): ISql {
  function sql<T extends readonly object[]>(text: TemplateStringsArray, ...values: readonly unknown[]): Query<T>;
  function sql(name: string): SqlFragment;
  function sql(text: TemplateStringsArray | string, ...values: readonly unknown[]): SqlFragment {
    if (typeof text === "string") return new SqlFragment([escapeIdentifier(text)], [], false);
    return new Query(run, text, values);
  }
  return Object.assign(sql, {
    row(row: object) {
      const keys = Object.keys(row).map(escapeIdentifier);
      return new SqlFragment(
        [`(${keys.join(", ")}) VALUES (`, ...keys.slice(1).map(() => ", "), ")"],
        Object.values(row),
      );
    },
    set(changes: object) {
      if (Object.keys(changes).length === 0) throw new TypeError("There is nothing to set.");
      const keys = Object.keys(changes).map((key) => `${escapeIdentifier(key)} = `);
      return new SqlFragment([keys[0]!, ...keys.slice(1).map((key) => `, ${key}`), ""], Object.values(changes));
    },
    query: async <T extends readonly object[]>(text: string, values: readonly unknown[] = []) =>
      toRows<T>(await run({ text, values: values.map(toParameter) })),
    unsafe: async <T extends readonly object[]>(text: string) => toRows<T>(await run(text)),
  });
}
