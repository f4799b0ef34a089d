/** Runs one statement with `$1` parameters and returns its rows. 64-bit integers and numerics are text. */
export type RunSql = <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** Where statements run: in a transaction, or each in one of its own. */
export interface Sql {
  readonly query: RunSql;
}

/** Statements that are committed together. */
export interface Transaction extends Sql {
  /**
   * Adds a statement that returns no rows. It is sent with the next query, or with COMMIT, after those added before
   * it; then its error is thrown.
   */
  write(text: string, values: readonly unknown[]): void;
}

/** A service's database. */
export interface Database extends Sql {
  /** Runs the work in one transaction, which is rolled back when the work throws or a statement fails. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Calls `listener` after each commit, in this process. It must not throw. */
  afterCommit(listener: (transaction: Transaction) => void): void;
}
