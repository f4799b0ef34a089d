import { setTimeout as sleep } from 'node:timers/promises';
import { millis } from './millis.ts';
import type { Sql } from './sql.ts';

/** The interval at which this clock is synchronized with the database's. */
const compareMs = 10_000;

/** A clock of this process that shows the database's time. */
export interface DatabaseClock {
  /** The database's time, accurate to half the duration of a statement. Throws before the first synchronization. */
  readonly now: () => Date;
  /** Synchronizes with the database's clock. Throws when the database is unavailable. */
  compare(): Promise<void>;
  /** Synchronizes periodically from now on. */
  start(): void;
  stop(): Promise<void>;
}

/**
 * Creates a clock that shows the database's time without a query: a monotonic clock is synchronized with the database
 * at the start and every 10 s. All processes of a service show the same time, whatever the clocks of their machines
 * say.
 */
export function databaseClock(
  database: Sql,
  {
    everyMs = compareMs,
    elapsed = () => performance.now(),
  }: { everyMs?: number; elapsed?: () => number } = {},
): DatabaseClock {
  let aheadMs: number | undefined;
  const stopping = new AbortController();
  let working: Promise<void> = Promise.resolve();

  async function compare(): Promise<void> {
    const before = elapsed();
    const [row] = await database.query<{ time: number }>(`select ${millis('clock_timestamp()')} as time`);
    if (row !== undefined) aheadMs = row.time - (before + elapsed()) / 2;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
      // An outage is reported by the code that uses the database; meanwhile the two clocks stay close enough.
      if (!stopping.signal.aborted) await compare().catch(() => {});
    }
  }

  return {
    now() {
      if (aheadMs === undefined) throw new Error('the time of the database is not known before the start');
      return new Date(Math.round(elapsed() + aheadMs));
    },
    compare,
    start() {
      working = run();
    },
    async stop() {
      stopping.abort();
      await working;
    },
  };
}
