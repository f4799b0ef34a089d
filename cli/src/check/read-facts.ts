import { fromBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { toMinorUnits, topics } from '@orderflow/contracts';
import {
  GatewayService,
  LedgerEntry_KindSchema,
} from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { EnrichedOrderSchema } from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import {
  CreateOrderResponseSchema,
  OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { type ReceivedRecord, readRanges, type TopicOffsets } from '@orderflow/messaging';
import { type Cli, CommandError } from '../cli.ts';
import { decode, orderIdOf } from '../dlq/decode.ts';
import { type Stores, unreachable } from '../stores.ts';
import { contentOfRecord, contentOfSubmission } from './content.ts';
import type {
  AnswerFact,
  DocumentFact,
  EventFact,
  Facts,
  LedgerFact,
  OrderedFact,
  OrderFact,
  PaymentFact,
  RecordFact,
  ReservationFact,
  StockFact,
} from './facts.ts';

/** Reads everything there is; meant for a system at rest. */
export async function readFacts(cli: Cli, stores: Stores, offsets: TopicOffsets): Promise<Facts> {
  const read = (topic: string) => readTopic(cli, offsets, topic);
  const letterTopics = (await offsets.topics()).filter((name) => name.endsWith('.dlq'));
  const letters = (await Promise.all(letterTopics.map(read))).flat().map((record) => ({
    key: record.key,
    value: record.value,
    position: positionOf(record),
    reason: record.headers['dlq_reason'] ?? '',
    orderId: orderIdOf(record),
    source: `${record.headers['dlq_topic']}/${record.headers['dlq_partition']}/${record.headers['dlq_offset']}`,
  }));
  const sourceTopics = new Set(letters.map(({ source }) => source.split('/')[0] ?? ''));
  const submitted = await read(topics.orders);
  const others = await Promise.all([...sourceTopics].filter((name) => name !== topics.orders).map(read));
  const wanted = new Set(letters.map(({ source }) => source));
  const decisions = await readDecisions(stores);
  const sources = [submitted, ...others].flat().filter((record) => wanted.has(positionOf(record)));
  return {
    orders: byKey(await readOrders(stores), ({ id }) => id),
    decisions,
    ordered: await readOrdered(stores, decisions, byKey(submitted, positionOf)),
    answers: await readAnswers(stores),
    documents: byKey(await stores.documents<DocumentFact>(), ({ _id }) => _id),
    events: (await read(topics.orderEvents)).flatMap(toEvent),
    stock: await readStock(stores),
    reservations: byKey(await readReservations(stores), ({ orderId }) => orderId),
    payments: byKey(await readPayments(stores), ({ orderId }) => orderId),
    ledger: await readLedger(cli.config.gatewayUrl),
    submissions: submitted.map((record) => {
      const { key, value, headers } = record;
      const decoded = decode(value, headers);
      const orderId = decoded.ok ? decoded.orderId : undefined;
      return { key, value, position: positionOf(record), orderId, content: contentOfRecord(value, headers) };
    }),
    letters,
    sources: new Map(sources.map((record): [string, RecordFact] => [positionOf(record), record])),
    now: new Date(),
  };
}

function positionOf({ topic, partition, offset }: ReceivedRecord): string {
  return `${topic}/${partition}/${offset}`;
}

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T> {
  return new Map(items.map((item) => [keyOf(item), item]));
}

async function readTopic(
  { kafka, signal }: Cli,
  offsets: TopicOffsets,
  topic: string,
): Promise<ReceivedRecord[]> {
  const records: ReceivedRecord[] = [];
  await readRanges({
    kafka,
    topic,
    ranges: (await offsets.ranges(topic)) ?? [],
    handle: (some) => void records.push(...some),
    signal,
  });
  return records;
}

function toEvent({ headers }: ReceivedRecord): EventFact[] {
  const { ce_id: id, ce_type: type, ce_subject: orderId } = headers;
  // Strangers write to any topic; what says nothing about itself is nobody's event.
  if (id === undefined || type === undefined || orderId === undefined) return [];
  return [{ id, type: type.slice(type.lastIndexOf('.') + 1), orderId }];
}

async function readOrders({ orders }: Stores): Promise<OrderFact[]> {
  const rows = await orders<{
    id: string;
    state: string;
    version: number;
    total: string | null;
    caller_id: string | null;
    needs_attention: string | null;
    deadline_time: Date | null;
    refunded: boolean;
  }>('select id, state, version, total, caller_id, needs_attention, deadline_time, refunded from orders');
  return rows.map((row) => ({
    id: row.id,
    state: row.state,
    version: row.version,
    total: row.total === null ? undefined : BigInt(row.total),
    callerId: row.caller_id ?? undefined,
    needsAttention: row.needs_attention ?? undefined,
    deadlineTime: row.deadline_time ?? undefined,
    refunded: row.refunded,
  }));
}

async function readDecisions({ orders }: Stores): Promise<Facts['decisions']> {
  const rows = await orders<{ order_id: string; enriched_order: Buffer }>(
    'select order_id, enriched_order from order_history where enriched_order is not null',
  );
  return new Map(rows.map((row) => [row.order_id, fromBinary(EnrichedOrderSchema, row.enriched_order)]));
}

/** `records`: everything on `orders`, by position. */
async function readOrdered(
  { orders }: Stores,
  decisions: Facts['decisions'],
  records: ReadonlyMap<string, ReceivedRecord>,
): Promise<Map<string, OrderedFact>> {
  const undecided = await orders<{ id: string; submission: Buffer; content_type: string | null }>(
    'select id, submission, submission_content_type as content_type from orders where submission is not null',
  );
  const kept = undecided.map(({ id, submission: value, content_type: type }): [string, OrderedFact] => {
    const headers: Record<string, string> = type === null ? {} : { 'content-type': type };
    return [id, { value, content: contentOfRecord(value, headers) }];
  });
  const decided = [...decisions].map(([id, { submission, source }]): [string, OrderedFact] => {
    const record = records.get(`${source?.topic}/${source?.partition}/${source?.offset}`);
    return [id, { value: record?.value, content: submission && contentOfSubmission(submission) }];
  });
  return new Map([...kept, ...decided]);
}

async function readAnswers({ orders }: Stores): Promise<AnswerFact[]> {
  const rows = await orders<{ caller_id: string; request_id: string; answer: Buffer }>(
    'select caller_id, request_id, answer from idempotency where method = $1 and answer is not null',
    [`${OrderService.typeName}/${OrderService.method.createOrder.name}`],
  );
  return rows.map((row) => ({
    callerId: row.caller_id,
    requestId: row.request_id,
    orderId: fromBinary(CreateOrderResponseSchema, row.answer).order?.orderId,
  }));
}

async function readStock({ inventory }: Stores): Promise<StockFact[]> {
  const rows = await inventory<{
    product_id: string;
    on_hand: string;
    reserved: string;
    committed: string;
    adjusted: string;
  }>(`
    select product_id, on_hand, reserved, committed, coalesce(adjusted, 0) as adjusted
    from stock left join (
      select product_id, sum(delta) as adjusted from stock_adjustment group by product_id
    ) changes using (product_id)`);
  return rows.map((row) => ({
    productId: row.product_id,
    onHand: BigInt(row.on_hand),
    reserved: BigInt(row.reserved),
    committed: BigInt(row.committed),
    adjusted: BigInt(row.adjusted),
  }));
}

async function readReservations({ inventory }: Stores): Promise<ReservationFact[]> {
  const rows = await inventory<{
    order_id: string;
    state: string;
    lines: readonly { readonly product_id: string; readonly quantity: string }[];
  }>('select order_id, state, lines from reservation');
  return rows.map(({ order_id: orderId, state, lines }) => ({
    orderId,
    state,
    lines: new Map(lines.map(({ product_id: productId, quantity }) => [productId, BigInt(quantity)])),
  }));
}

async function readPayments({ payment }: Stores): Promise<PaymentFact[]> {
  const rows = await payment<{ order_id: string; state: string; amount: string | null; settled: boolean }>(
    'select order_id, state, amount, settle_time is not null as settled from payment',
  );
  return rows.map(({ order_id: orderId, state, amount, settled }) => ({
    orderId,
    state,
    amount: amount === null ? undefined : BigInt(amount),
    isSettledByHand: settled,
  }));
}

async function readLedger(gatewayUrl: string): Promise<LedgerFact[]> {
  const transport = createConnectTransport({ baseUrl: gatewayUrl, httpVersion: '1.1' });
  const gateway = createClient(GatewayService, transport);
  const ledger: LedgerFact[] = [];
  let pageToken = '';
  do {
    const page = await gateway.listLedger({ pageSize: 10_000, pageToken }).catch((error: unknown) => {
      throw new CommandError(unreachable('The payment gateway', 'GATEWAY_URL', error));
    });
    for (const { kind, chargeKey, orderId, amount } of page.entries) {
      ledger.push({
        kind: LedgerEntry_KindSchema.value[kind]?.localName ?? String(kind),
        chargeKey,
        orderId,
        amount: (amount && toMinorUnits(amount)) ?? 0n,
      });
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return ledger;
}
