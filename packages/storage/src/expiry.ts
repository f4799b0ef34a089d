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
export function expiry(
  table: string,
  key: string,
  { database, now, logger, everyMs = 3_600_000 }: ExpiryOptions,
): Component {
  const stopping = new AbortController();
  let working: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const deleted = await deleteSome(database, table, key, new Date(now().getTime() - RETENTION_MS));
        if (deleted === rowsAtOnce) continue;
      } catch (error) {
        logger.warn({ err: error }, `deleting old rows of ${table} failed: they stay until the next run`);
      }
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  return {
    name: `${table}-expiry`,
    async start() {
      working = run();
    },
    async stop() {
      stopping.abort();
      await working;
    },
  };
}

async function deleteSome(database: Sql, table: string, key: string, before: Date): Promise<number> {
  const [deleted] = await database.query<{ count: number }>(
    `with deleted as (
       delete from ${table} where (${key}) in (
         select ${key} from ${table} where create_time < $1
         order by create_time limit $2 for update skip locked)
       returning 1)
     select count(*)::int as count from deleted`,
    [before, rowsAtOnce],
  );
  return deleted?.count ?? 0;
}
