import { outboxMigration } from '@orderflow/messaging';
import { eventually } from '@orderflow/testing/eventually';
import pg from 'pg';

/** The DDL of an outbox. */
export const outboxTable = outboxMigration[0] ?? '';

/** The typical content of a submission in the outbox. */
export const outboxValue = {
  value: Buffer.alloc(90, 7),
  headers: {
    ce_specversion: '1.0',
    ce_id: '019a0000-0000-7000-8000-000000000000/submitted',
    ce_type: 'orderflow.order.event.v1.OrderSubmitted',
    ce_source: '/orderflow/order',
    ce_subject: '019a0000-0000-7000-8000-000000000000',
    ce_time: '2026-01-01T00:00:00.000Z',
    'content-type': 'application/protobuf',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
};

/** Inserts rows for `topic` in one statement. */
export async function fillOutbox(pool: pg.Pool, topic: string, count: number): Promise<void> {
  await pool.query(
    `insert into outbox (topic, key, value, headers)
     select $1, 'bench-' || n, $2, $3::json from generate_series(1, $4::int) as n`,
    [topic, outboxValue.value, JSON.stringify(outboxValue.headers), count],
  );
}

/** Resolves when a relay has published all rows of the outbox in this database. */
export async function untilPublished(serverUrl: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${serverUrl}/${database}` });
  await client.connect();
  try {
    await eventually(async () => (await client.query('select from outbox limit 1')).rowCount === 0, {
      timeoutMs: 60_000,
    });
  } finally {
    await client.end();
  }
}
