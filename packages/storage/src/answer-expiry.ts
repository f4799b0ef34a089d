import { setTimeout as sleep } from 'node:timers/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Component, Logger } from '@orderflow/runtime';
import { nativeQuery } from './native-query.ts';

/** No caller can still expect the answer to a request that is older. */
const keptMs = 30 * 86_400_000;
/** So many rows are locked at most while others want to keep their answers. */
const rowsAtOnce = 1_000;

/** Deletes stored answers that are older than 30 days, for as long as it runs. Several of them do no harm. */
export function answerExpiry({
  orm,
  now,
  logger,
  everyMs = 3_600_000,
}: {
  readonly orm: MikroORM;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly everyMs?: number;
}): Component {
  const stopping = new AbortController();
  let working: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const deleted = await deleteSome(orm, new Date(now().getTime() - keptMs));
        if (deleted === rowsAtOnce) continue;
      } catch (error) {
        logger.warn({ err: error }, 'old answers could not be deleted, they stay until the next time');
      }
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  return {
    name: 'answer-expiry',
    async start() {
      working = run();
    },
    async stop() {
      stopping.abort();
      await working;
    },
  };
}

async function deleteSome(orm: MikroORM, before: Date): Promise<number> {
  const [deleted] = await nativeQuery<{ count: number }>(
    orm.em.fork(),
    `with deleted as (
       delete from idempotency where (caller_id, method, request_id) in (
         select caller_id, method, request_id from idempotency
         where create_time < $1 order by create_time limit $2 for update skip locked)
       returning 1)
     select count(*)::int as count from deleted`,
    [before, rowsAtOnce],
  );
  return deleted?.count ?? 0;
}
