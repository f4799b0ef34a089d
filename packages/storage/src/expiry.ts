import { setTimeout as sleep } from 'node:timers/promises';
import type { Component, Logger } from '@orderflow/runtime';
import type { Sql } from './sql.ts';

const RETENTION_MS = 30 * 86_400_000;
/** The maximum number of rows locked at once while others write theirs. */
const rowsAtOnce = 1_000;

/** The dependencies of an expiry. */
export interface ExpiryOptions {
  readonly database: Sql;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly everyMs?: number;
}

/** Deletes stored responses older than 30 days: no caller can still expect them. */
export function responseExpiry(options: ExpiryOptions): Component {
  return expiry('idempotency', 'caller_id, method, request_id', options);
}

/**
 * Deletes the rows of a table whose `create_time` is older than 30 days, for as long as it runs. Several instances may
 * run at the same time. `key`: the columns of its primary key.
 */
export function expiry(table: string, key: string, options: ExpiryOptions): Component {
  const { database } = options;
  return repeated(`${table}-expiry`, `deleting old rows of ${table}`, options, (before) =>
    countOf(database, `delete from ${table} where (${key}) in (${oldRows(table, key, 'true')})`, before),
  );
}

/**
 * Clears the content of a table's rows, and keeps the rows, once their `create_time` is older than 30 days, for as long
 * as it runs. Several instances may run at the same time. `cleared`: the assignments of the SQL update; `where`: the rows
 * that they concern, which they must leave.
 */
export function contentExpiry(
  table: string,
  key: string,
  { cleared, where }: { readonly cleared: string; readonly where: string },
  options: ExpiryOptions,
): Component {
  const { database } = options;
  return repeated(`${table}-content-expiry`, `clearing old rows of ${table}`, options, (before) =>
    countOf(
      database,
      `update ${table} set ${cleared} where (${key}) in (${oldRows(table, key, where)})`,
      before,
    ),
  );
}

/** Repeats `some`, which changes up to `rowsAtOnce` rows older than `before` and returns their number. */
function repeated(
  name: string,
  what: string,
  { now, logger, everyMs = 3_600_000 }: ExpiryOptions,
  some: (before: Date) => Promise<number>,
): Component {
  const stopping = new AbortController();
  let working: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const changed = await some(new Date(now().getTime() - RETENTION_MS));
        if (changed === rowsAtOnce) continue;
      } catch (error) {
        logger.warn({ err: error }, `${what} failed: they stay until the next run`);
      }
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  return {
    name,
    async start() {
      working = run();
    },
    async stop() {
      stopping.abort();
      await working;
    },
  };
}

/** The keys of the oldest rows; $1: before when they were created, $2: how many. */
function oldRows(table: string, key: string, where: string): string {
  return `select ${key} from ${table} where create_time < $1 and ${where}
    order by create_time limit $2 for update skip locked`;
}

async function countOf(database: Sql, change: string, before: Date): Promise<number> {
  const [changed] = await database.query<{ count: number }>(
    `with changed as (${change} returning 1) select count(*)::int as count from changed`,
    [before, rowsAtOnce],
  );
  return changed?.count ?? 0;
}
