// The lower bound of an order's way to CONFIRMED, without its guarantees: a row is committed, and then per hop a record
// is produced, read, and one row committed. The hops are those of the services: order relay → orders → worker, order
// relay → order-events → inventory, inventory → inventory-events → payment, payment → payment-events → saga. Payment
// commits twice and calls the gateway, which commits too: here one commit stands for all of it.
// NAME, then RATE COUNT repeated; prints a ChainRun for each rate.
import { openChain } from '../chain.ts';
import { outboxValue } from '../outbox.ts';

const hops = 4;
const { pool, producer, topicOf, consume, measure } = await openChain('hops', hops);
const { value, headers } = outboxValue;

async function commitRow(id: number, step: number): Promise<void> {
  await pool.query('insert into step (id, step, value) values ($1, $2, $3)', [id, step, value]);
}
async function produce(id: number, hop: number): Promise<void> {
  await producer.send({ topic: topicOf(hop), acks: -1, messages: [{ key: String(id), value, headers }] });
}

const numbers = Array.from({ length: hops }, (_, index) => index + 1);
await Promise.all(
  numbers.map((hop) =>
    consume(hop, async (id) => {
      await commitRow(id, hop);
      if (hop < hops) await produce(id, hop + 1);
    }),
  ),
);
await measure(async (id) => {
  await commitRow(id, 0);
  await produce(id, 1);
}, hops);
