import { ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { toMinorUnits, topics } from '@orderflow/contracts';
import {
  GatewayService,
  LedgerEntry_KindSchema,
} from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { contentDigest, type ReceivedRecord, readRanges, type TopicOffsets } from '@orderflow/messaging';
import { tokenProblem } from '../call-headers.ts';
import { type Cli, CommandError } from '../cli.ts';
import { orderIdOf } from '../dlq/decode.ts';
import { type Stores, unreachable } from '../stores.ts';
import { contentOfRecord } from './content.ts';
import { digestOf } from './digest.ts';
import type {
  EventFact,
  LetterFact,
  OrderCountFact,
  RecordFact,
  SourceFact,
  StockFact,
  UndecodableFact,
} from './facts.ts';
import type { AddFact } from './read-order-facts.ts';

/** Called with each range that cannot be decoded. */
type AddUndecodable = (undecodable: UndecodableFact) => void;

/** Reads every dead letter, without its bytes: the only facts held in memory for all orders at once. */
export async function readLetters(
  cli: Cli,
  offsets: TopicOffsets,
  addUndecodable: AddUndecodable,
): Promise<LetterFact[]> {
  const letters: LetterFact[] = [];
  for (const topic of (await offsets.topics()).filter((name) => name.endsWith('.dlq'))) {
    const topicOffsets = { topic, offsets, addUndecodable };
    await readTopic(cli, topicOffsets, (record) => {
      const { headers } = record;
      const { dlq_last_offset: lastOffset = '' } = headers;
      letters.push({
        ...digestsOf(record),
        position: positionOf(record),
        reason: headers['dlq_reason'] ?? '',
        orderId: orderIdOf(record),
        whole: headers['dlq_omitted'] === undefined ? undefined : headers['dlq_sha256'],
        lastOffset: /^\d{1,18}$/.test(lastOffset) ? BigInt(lastOffset) : undefined,
        source: `${headers['dlq_topic']}/${headers['dlq_partition']}/${headers['dlq_offset']}`,
      });
    });
  }
  return letters;
}

/**
 * Reads `orders` and `order-events`. Resolves to the source records of dead letters, where they still exist, by
 * position.
 */
export async function readRecordFacts(
  cli: Cli,
  offsets: TopicOffsets,
  letters: readonly LetterFact[],
  add: AddFact,
  addUndecodable: AddUndecodable,
): Promise<Map<string, SourceFact>> {
  const wanted = new Set(letters.map(({ source }) => source));
  const sources = new Map<string, SourceFact>();
  function noteSource(record: ReceivedRecord): void {
    const position = positionOf(record);
    if (wanted.has(position)) sources.set(position, { ...digestsOf(record), whole: contentDigest(record) });
  }
  const from = (topic: string) => ({ topic, offsets, addUndecodable });

  await readTopic(cli, from(topics.orders), (record) => {
    noteSource(record);
    const { orderId, content } = contentOfRecord(record.value, record.headers);
    const position = positionOf(record);
    add(orderId, { kind: 'submission', fact: { ...digestsOf(record), position, orderId, content } });
  });
  await readTopic(cli, from(topics.orderEvents), (record) => {
    noteSource(record);
    const fact = eventOf(record);
    if (fact !== undefined) add(fact.orderId, { kind: 'event', fact });
  });
  const read = new Set<string>([topics.orders, topics.orderEvents]);
  const others = new Set(
    [...wanted].map((source) => source.split('/')[0] ?? '').filter((name) => !read.has(name)),
  );
  for (const topic of others) await readTopic(cli, from(topic), noteSource);
  return sources;
}

function positionOf({ topic, partition, offset }: ReceivedRecord): string {
  return `${topic}/${partition}/${offset}`;
}

function digestsOf({ key, value }: ReceivedRecord): RecordFact {
  return { key: digestOf(key), value: digestOf(value) };
}

async function readTopic(
  { kafka, signal }: Cli,
  {
    topic,
    offsets,
    addUndecodable,
  }: { topic: string; offsets: TopicOffsets; addUndecodable: AddUndecodable },
  each: (record: ReceivedRecord) => void,
): Promise<void> {
  /** Returns, by partition, the first offset after the readable records. */
  const next = new Map<number, bigint>();
  await readRanges({
    kafka,
    topic,
    ranges: (await offsets.ranges(topic)) ?? [],
    handle(records) {
      records.forEach(each);
      const last = records.at(-1);
      if (last !== undefined) next.set(last.partition, last.offset + 1n);
    },
    onUndecodable({ partition, baseOffset, lastOffset: last }) {
      // The first records of a batch may be readable.
      const read = next.get(partition) ?? 0n;
      addUndecodable({ topic, partition, from: read > baseOffset ? read : baseOffset, last });
    },
    signal,
  });
}

function eventOf({ headers }: ReceivedRecord): EventFact | undefined {
  const { ce_id: id, ce_type: type, ce_subject: orderId } = headers;
  // Any process may write to a topic; a record without these headers is no event.
  if (id === undefined || type === undefined || orderId === undefined) return undefined;
  return { id, type: type.slice(type.lastIndexOf('.') + 1), orderId };
}

/** Reads the ledger of the payment gateway. */
export async function readLedger(
  { config, callHeaders }: Pick<Cli, 'config' | 'callHeaders'>,
  add: AddFact,
): Promise<void> {
  const transport = createConnectTransport({ baseUrl: config.gatewayUrl, httpVersion: '1.1' });
  const gateway = createClient(GatewayService, transport);
  const name = 'The payment gateway';
  let pageToken = '';
  do {
    const headers = await callHeaders();
    const page = await gateway.listLedger({ pageSize: 1_000, pageToken }, { headers }).catch((error) => {
      const problem = tokenProblem(name, ConnectError.from(error), config);
      throw new CommandError(problem ?? unreachable(name, 'GATEWAY_URL', error));
    });
    for (const { kind, chargeKey, orderId, amount } of page.entries) {
      const fact = {
        kind: LedgerEntry_KindSchema.value[kind]?.localName ?? String(kind),
        chargeKey,
        orderId,
        amount: (amount && toMinorUnits(amount)) ?? 0n,
      };
      add(orderId, { kind: 'movement', fact });
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

/** Reads every product's stock, with the sums over its reservations. */
export async function readStock({ inventory }: Stores): Promise<StockFact[]> {
  const rows = await inventory<{
    product_id: string;
    on_hand: string;
    reserved: string;
    committed: string;
    adjusted: string;
    held: string;
    left: string;
  }>(`
    select product_id, on_hand, reserved, committed, coalesce(adjusted, 0) as adjusted,
      coalesce(held, 0) as held, coalesce("left", 0) as "left"
    from stock left join (
      select product_id, sum(delta) as adjusted from stock_adjustment group by product_id
    ) changes using (product_id) left join (
      select line ->> 'product_id' as product_id,
        sum((line ->> 'quantity')::numeric) filter (where state = 'RESERVED') as held,
        sum((line ->> 'quantity')::numeric) filter (where state = 'COMMITTED') as "left"
      from reservation, jsonb_array_elements(lines) line group by 1
    ) reservations using (product_id)`);
  return rows.map((row) => ({
    productId: row.product_id,
    onHand: BigInt(row.on_hand),
    reserved: BigInt(row.reserved),
    committed: BigInt(row.committed),
    adjusted: BigInt(row.adjusted),
    held: BigInt(row.held),
    left: BigInt(row.left),
  }));
}

/** Reads the order count of every customer who has one, or for whom orders were counted. */
export async function readOrderCounts({ enrichment }: Stores): Promise<OrderCountFact[]> {
  const rows = await enrichment<{ customer_id: string; orders: string; counted: string }>(`
    select customer_id, coalesce(orders, 0) as orders, coalesce(counted, 0) as counted
    from order_count full join (
      select customer_id, count(*) as counted from counted_order group by customer_id
    ) counts using (customer_id)`);
  return rows.map(({ customer_id: customerId, orders, counted }) => ({
    customerId,
    orders: BigInt(orders),
    counted: BigInt(counted),
  }));
}
