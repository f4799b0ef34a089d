import type { Database, Sql } from '@orderflow/storage';
import type { BackfillProgress, InBackfill } from '../../ports.ts';
import { orderCounting } from './order-counts.ts';

/** The row of table `order_backfill`, which its migration has inserted. */
const source = 'orders';

/** Reads how far the backfill is. */
export function postgresBackfillProgress(sql: Sql): () => Promise<BackfillProgress> {
  return () => readProgress(sql, '');
}

/** Counts orders and notes the progress in one Postgres transaction. */
export function postgresBackfill(database: Database): InBackfill {
  return (work) =>
    database.transaction((transaction) =>
      work({
        ...orderCounting(transaction),
        lockProgress: () => readProgress(transaction, 'for update'),
        moveTo({ pageToken, done }) {
          transaction.write('update order_backfill set page_token = $2, done = $3 where source = $1', [
            source,
            pageToken,
            done,
          ]);
        },
      }),
    );
}

async function readProgress(sql: Sql, lock: 'for update' | ''): Promise<BackfillProgress> {
  const [row] = await sql.query<BackfillProgress>(
    `select page_token as "pageToken", done from order_backfill where source = $1 ${lock}`,
    [source],
  );
  if (row === undefined) throw new Error(`table order_backfill has no row ${source}`);
  return row;
}
