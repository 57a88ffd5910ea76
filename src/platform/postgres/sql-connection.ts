import { DatabaseError, type Pool, type PoolClient, type QueryConfig, type QueryResult } from "pg";
import { createTag, type ISql, type RunQuery, type Sql, type TransactionSql } from "./sql.ts";

/** No reply: the server is unavailable or frozen, or the connection broke. Whether the statement was done is unknown. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
  /** The system's reason, such as ECONNREFUSED, if there is one. */
  readonly code: string;

  constructor(cause: Error) {
    super(cause.message || "No connection", { cause });
    this.code = "code" in cause && typeof cause.code === "string" ? cause.code : "CONNECTION_LOST";
  }
}

/** Errors after which the server ends the session by itself. */
const SESSION_ENDING_STATES = /^(08|57P|25P0[34])/;

/** One connection, taken from the pool. What fails without a reply is its end: it never goes back, and nothing more runs on it. */
class Connection {
  readonly #client: PoolClient;
  readonly #onLost: () => void;
  readonly #onServerError: (error: DatabaseError) => void;
  #lost: ConnectionLost | null = null;
  #failed: unknown = null;
  #mustClose = false;
  #released = false;
  #lastStatement: Promise<unknown> = Promise.resolve();

  constructor(client: PoolClient, onLost: () => void, onServerError: (error: DatabaseError) => void) {
    this.#client = client;
    this.#onLost = onLost;
    this.#onServerError = onServerError;
  }

  async send(query: QueryConfig | string): Promise<QueryResult> {
    if (this.#lost) throw this.#lost;
    if (this.#released) throw new Error("This transaction has ended. Await all of its statements inside it.");
    try {
      return await this.#client.query(query);
    } catch (error) {
      const known = toConnectionLost(error);
      this.#failed ??= known;
      if (known instanceof ConnectionLost) {
        this.#lost = known;
        this.#onLost();
      } else if (known instanceof DatabaseError) {
        // A prepared statement whose table has changed since would fail for as long as this connection lives.
        this.#mustClose ||= SESSION_ENDING_STATES.test(known.code ?? "") || known.routine === "RevalidateCachedQuery";
        this.#onServerError(known);
      }
      throw known;
    }
  }

  /** The same, after the statements that were given before it. */
  readonly sendInOrder: RunQuery = (query) => {
    const result = this.#lastStatement.then(() => this.send(query));
    this.#lastStatement = result.catch(() => {});
    return result;
  };

  /** @throws what made a statement fail, even if it was caught: PostgreSQL has then rolled back everything */
  async commit(): Promise<void> {
    const { command } = await this.sendInOrder("COMMIT");
    if (command !== "COMMIT") throw this.#failed ?? new Error(`The transaction ended by ${command}, not by COMMIT.`);
  }

  /** When it does not succeed the connection is closed, and the server rolls back. */
  async rollBack(): Promise<void> {
    await this.sendInOrder("ROLLBACK").catch(() => {
      this.#mustClose = true;
    });
  }

  release(): void {
    this.#released = true;
    this.#client.release(this.#mustClose || this.#lost !== null);
  }
}

/** An error of PostgreSQL, and one of our own settings, stays as it is. */
function toConnectionLost(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DatabaseError || error.message.startsWith("SASL")) return error;
  return new ConnectionLost(error);
}

/**
 * SQL on a pool, whose `connectionTimeoutMillis` and `query_timeout` limit every call.
 * @param onLost called whenever there was no reply
 * @param onServerError called whenever the server returned an error
 */
export function createSql(pool: Pool, onLost: () => void, onServerError: (error: unknown) => void = () => {}): Sql {
  async function withConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      const known = toConnectionLost(error);
      if (known instanceof ConnectionLost) onLost();
      throw known;
    }
    const connection = new Connection(client, onLost, onServerError);
    try {
      return await work(connection);
    } finally {
      connection.release();
    }
  }

  function begin<T>(
    mode: string | ((tx: TransactionSql) => Promise<T>),
    then?: (tx: TransactionSql) => Promise<T>,
  ): Promise<T> {
    const [first, work] = typeof mode === "string" ? [`BEGIN ${mode}`, then!] : ["BEGIN", mode];
    return withConnection(async (connection) => {
      await connection.send(first);
      try {
        const result = await work(createTag(connection.sendInOrder));
        await connection.commit();
        return result;
      } catch (error) {
        await connection.rollBack();
        throw error;
      }
    });
  }

  return Object.assign(
    createTag((query) => withConnection((connection) => connection.send(query))),
    {
      begin,
      reserve: <T>(work: (sql: ISql) => Promise<T>) =>
        withConnection((connection) => work(createTag(connection.sendInOrder))),
    },
  );
}
