import { setImmediate as nextTurn } from 'node:timers/promises';
import type pg from 'pg';
import { isUnusableAfter } from './outage.ts';
import type { Transaction } from './sql.ts';

type Result = pg.QueryResult<object>;

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** A transaction on a connection of the pool, from BEGIN to COMMIT or ROLLBACK. */
export class OpenTransaction implements Transaction {
  readonly #connection: pg.ClientBase;
  readonly #began: Promise<Result>;
  /** Whether only statements that change nothing have been sent so far. */
  #onlyRead = true;
  #written: Statement[] = [];
  /** Whatever the work makes of it, nothing is committed. */
  #failure: Error | undefined;
  #isOpen = true;
  #isUsable = true;

  constructor(connection: pg.ClientBase) {
    this.#connection = connection;
    this.#began = this.#noted(connection.query('begin'));
  }

  readonly query = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    this.#throwIfEnded();
    const statements = [...this.#takeWritten(), { text, values }];
    // Only what changes nothing is sent before BEGIN has succeeded: otherwise it would run outside of a transaction.
    this.#onlyRead &&= statements.length === 1 && isRead(text);
    if (!this.#onlyRead) {
      await this.#began;
      this.#throwIfEnded();
    }
    const ended = await Promise.allSettled([this.#began, ...statements.map((one) => this.#send(one))]);
    const results = ended.map(resultOf);
    return results.at(-1)?.rows as Row[];
  };

  /** Whether another transaction can use the connection, once this one has ended. */
  get leavesConnectionUsable(): boolean {
    return this.#isUsable;
  }

  write(text: string, values: readonly unknown[]): void {
    this.#throwIfEnded();
    this.#written.push({ text, values });
  }

  async commit(): Promise<void> {
    await this.#began;
    this.#isOpen = false;
    const written = this.#takeWritten().map((one) => this.#send(one));
    // Values that the driver cannot encode never reach the server, which would commit the rest.
    if (written.length > 0) await nextTurn();
    if (this.#failure !== undefined) throw this.#failure;
    const committed = this.#noted(this.#connection.query('commit'));
    for (const one of await Promise.allSettled([...written, committed])) resultOf(one);
    // The server's response to COMMIT after a statement that failed.
    if ((await committed).command !== 'COMMIT')
      throw this.#failure ?? new Error('the transaction was rolled back');
  }

  /** Waits for the statements in flight: none may reach the server when the connection belongs to others. */
  async rollback(): Promise<void> {
    this.#isOpen = false;
    await this.#connection.query('rollback');
  }

  #throwIfEnded(): void {
    if (!this.#isOpen) throw new Error('the transaction has ended');
  }

  #takeWritten(): Statement[] {
    return this.#written.splice(0);
  }

  #send({ text, values }: Statement): Promise<Result> {
    return this.#noted(this.#connection.query<object>(text, [...values]));
  }

  /** Remembers the first failure; also keeps a rejection that is awaited later from being reported as unhandled. */
  #noted(result: Promise<Result>): Promise<Result> {
    result.catch((error: Error) => {
      this.#failure ??= error;
      if (isUnusableAfter(error)) this.#isUsable = false;
    });
    return result;
  }
}

function isRead(text: string): boolean {
  return /^\s*select\b/i.test(text);
}

function resultOf(ended: PromiseSettledResult<Result>): Result {
  if (ended.status === 'rejected') throw ended.reason;
  return ended.value;
}
