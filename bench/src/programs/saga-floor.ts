// The lower bound of an order's way to CONFIRMED that keeps the guarantees of the services: every step reads and locks
// what it changes, and commits its row and its event in one transaction; a relay moves the events to Kafka, one send in
// flight per outbox, and deletes them when they are acknowledged; the charge is written down before the gateway is
// called, and its outcome after it; a repeat changes nothing. It is bare otherwise: one process, small rows, no checks,
// relays that never wait for a poll, nothing that looks for the calls that a crash has left.
// About 26 round trips follow each other: two of each of six transactions, read and produce of four relays, four
// fetches, the call, and the start of the last transaction.
// NAME, then RATE COUNT repeated; prints a ChainRun for each rate.
import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { openChain } from '../chain.ts';
import { outboxTable, outboxValue } from '../outbox.ts';

/** What each step commits. */
const steps = { created: 0, accepted: 1, reserved: 2, chargeWritten: 3, charged: 4, paid: 5, confirmed: 6 };
/** The outbox of each service. */
const outboxes = ['order', 'inventory', 'payment'] as const;
type Outbox = (typeof outboxes)[number];

const { pool, producer, topicOf, consume, measure } = await openChain('saga-floor', 4);
const { value, headers } = outboxValue;
const headersText = JSON.stringify(headers);
/** Resolved by each commit that fills the outbox. */
const filled = Object.fromEntries(outboxes.map((name) => [name, Promise.withResolvers<void>()]));

for (const name of outboxes) {
  await pool.query(`drop table if exists outbox_${name}`);
  await pool.query(outboxTable.replace('create table outbox', `create table outbox_${name}`));
}

/** Commits a step, with the event that begins hop `next.hop`, in two round trips. Returns false for a repeat. */
async function commitStep(
  id: number,
  step: number,
  next?: { readonly outbox: Outbox; readonly hop: number },
): Promise<boolean> {
  const client = await pool.connect();
  try {
    const [, { rows }] = await Promise.all([
      client.query('begin'),
      client.query({
        name: 'lock',
        text: 'select step from step where id = $1 order by step for update',
        values: [id],
      }),
    ]);
    if (rows.some((row) => row.step === step)) {
      await client.query('rollback');
      return false;
    }
    await Promise.all([
      client.query({
        name: 'step',
        text: 'insert into step (id, step, value) values ($1, $2, $3)',
        values: [id, step, value],
      }),
      next !== undefined &&
        client.query({
          name: `outbox-${next.outbox}`,
          text: `insert into outbox_${next.outbox} (topic, key, value, headers) values ($1, $2, $3, $4)`,
          values: [topicOf(next.hop), String(id), value, headersText],
        }),
      client.query('commit'),
    ]);
  } finally {
    client.release();
  }
  if (next !== undefined) filled[next.outbox]?.resolve();
  return true;
}

async function relay(name: Outbox): Promise<never> {
  for (;;) {
    const next = Promise.withResolvers<void>();
    filled[name] = next;
    const { rows } = await pool.query({
      name: `read-${name}`,
      text: `select id, topic, key, value, headers from outbox_${name} order by id limit 500`,
    });
    if (rows.length === 0) {
      await next.promise;
      continue;
    }
    const byTopic = Map.groupBy(rows, ({ topic }) => topic as string);
    await producer.sendBatch({
      acks: -1,
      topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
    });
    await pool.query({
      name: `delete-${name}`,
      text: `delete from outbox_${name} where id = any ($1::bigint[])`,
      values: [rows.map(({ id }) => id)],
    });
  }
}

// The gateway has its own transaction: a key charges once.
const gateway = createServer();
gateway.on('stream', async (stream) => {
  await commitStep(Number(await text(stream)), steps.charged);
  stream.respond({ ':status': 200 });
  stream.end('approved');
});
await once(gateway.listen(0, '127.0.0.1'), 'listening');
const session = connect(`http://127.0.0.1:${(gateway.address() as AddressInfo).port}`);

/** Calls the gateway and records the outcome. */
async function charge(id: number): Promise<void> {
  const call = session.request({ ':method': 'POST', ':path': '/charge' });
  call.end(String(id));
  if ((await text(call)) !== 'approved') throw new Error(`${id} was not charged`);
  await commitStep(id, steps.paid, { outbox: 'payment', hop: 4 });
}

await Promise.all([
  consume(1, (id) => commitStep(id, steps.accepted, { outbox: 'order', hop: 2 })),
  consume(2, (id) => commitStep(id, steps.reserved, { outbox: 'inventory', hop: 3 })),
  // The record is done once the charge is written down: its call is made beside those of others.
  consume(3, async (id) => {
    if (await commitStep(id, steps.chargeWritten)) void charge(id);
  }),
  consume(4, (id) => commitStep(id, steps.confirmed)),
]);
for (const name of outboxes) void relay(name);
await measure((id) => commitStep(id, steps.created, { outbox: 'order', hop: 1 }), steps.confirmed);
