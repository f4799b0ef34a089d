// The careful consumer's transaction, on tables of the order service's shape: any relay of ours publishes its outbox.
import { topics } from '@orderflow/contracts';
import pg from 'pg';
import { type Decision, eventOf } from './careful-order.ts';
import { env, prefix } from './one-at-a-time.ts';

const pool = new pg.Pool({ connectionString: `${env('POSTGRES_URL')}/${prefix}order_service`, max: 2 });
// A server that stops ends idle connections; the next query then reports it.
pool.on('error', () => {});

/** Statements with names are planned once per connection. */
const statements = {
  order: {
    name: 'order',
    text: `insert into orders
      (id, customer_id, content_hash, state, version, revision, total, deadline_time, create_time, update_time)
      values ($1, $2, $3, $4, 1, 1, $5, now() + interval '30 minutes', now(), now()) on conflict (id) do nothing`,
  },
  history: {
    name: 'history',
    text: `insert into order_history
      (order_id, revision, state, cause, version, event_types, enriched_order, create_time)
      values ($1, 1, $2, $3, 1, $4, $5, now())`,
  },
  outbox: {
    name: 'outbox',
    text: 'insert into outbox (topic, key, value, headers) values ($1, $2, $3, $4)',
  },
  stored: {
    name: 'stored',
    text: `select content_hash, enriched_order from orders join order_history on order_id = id
      where id = $1 and order_history.revision = 1`,
  },
};

/**
 * Stores a decision with its history and its event in one transaction, unless the order is stored already. Returns the
 * decision that is stored; undefined: it is of other content. `cause`: the position of the record.
 */
export async function storeOnce(
  decision: Decision,
  contentHash: Buffer,
  cause: string,
): Promise<Decision | undefined> {
  const { orderId, customerId, subtotal, tax, rejections } = decision;
  const isAccepted = rejections.length === 0;
  const state = isAccepted ? 'ACCEPTED' : 'REJECTED';
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rowCount } = await client.query({
      ...statements.order,
      values: [orderId, customerId, contentHash, state, isAccepted ? subtotal + tax : null],
    });
    let kept: Decision | undefined = decision;
    if (rowCount === 1) {
      await client.query({
        ...statements.history,
        values: [orderId, state, cause, [isAccepted ? 'OrderAccepted' : 'OrderRejected'], bytesOf(decision)],
      });
      const { value, headers } = eventOf(decision);
      await client.query({ ...statements.outbox, values: [topics.orderEvents, orderId, value, headers] });
    } else {
      const { rows } = await client.query<{ content_hash: Buffer; enriched_order: Buffer }>({
        ...statements.stored,
        values: [orderId],
      });
      const [stored] = rows;
      if (stored === undefined) throw new Error(`order ${orderId} is neither new nor stored`);
      kept = stored.content_hash.equals(contentHash)
        ? (JSON.parse(String(stored.enriched_order)) as Decision)
        : undefined;
    }
    await client.query('commit');
    client.release();
    return kept;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    client.release(true);
    throw error;
  }
}

function bytesOf(decision: Decision): Buffer {
  return Buffer.from(JSON.stringify(decision));
}

/** Whether an error is about the values of a statement, so that repeating it cannot help. */
export function isPermanent(error: unknown): boolean {
  const code = error instanceof pg.DatabaseError ? error.code : undefined;
  return code?.startsWith('22') ?? false;
}
