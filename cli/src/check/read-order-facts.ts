import { fromBinary } from '@bufbuild/protobuf';
import { EnrichedOrderSchema } from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import {
  CreateOrderResponseSchema,
  OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import type { Stores } from '../stores.ts';
import { contentOfRecord, contentOfSubmission } from './content.ts';
import { digestOf } from './digest.ts';
import type {
  CountedFact,
  DocumentFact,
  EventFact,
  LedgerFact,
  LetterFact,
  OrderedFact,
  OrderFact,
  OrderFacts,
  PaymentFact,
  ReservationFact,
  ResponseFact,
  SubmissionFact,
} from './facts.ts';

/** The kinds of facts about orders. */
interface FactsByKind {
  readonly order: OrderFact;
  readonly decision: { readonly id: string; readonly bytes: Uint8Array };
  readonly undecided: OrderedFact & { readonly id: string };
  readonly response: ResponseFact;
  readonly document: DocumentFact;
  readonly event: EventFact;
  readonly reservation: ReservationFact;
  readonly payment: PaymentFact;
  readonly counted: CountedFact;
  /** The id of an order of which payment has received only one of the two events that a charge needs. */
  readonly waitingCharge: string;
  readonly movement: LedgerFact;
  readonly submission: SubmissionFact;
}

/** One fact from one of the stores. */
export type Fact = {
  [Kind in keyof FactsByKind]: { readonly kind: Kind; readonly fact: FactsByKind[Kind] };
}[keyof FactsByKind];

/** Adds a fact about an order; undefined: without a readable order id. */
export type AddFact = (orderId: string | undefined, fact: Fact) => void;

/** Reads all orders and the facts about them in the other databases and in MongoDB. */
export async function readOrderFacts(stores: Stores, add: AddFact): Promise<void> {
  await readOrders(stores, add);
  await readDecisions(stores, add);
  await readUndecided(stores, add);
  await readResponses(stores, add);
  await readReservations(stores, add);
  await readPayments(stores, add);
  await readWaitingCharges(stores, add);
  await readCounted(stores, add);
  for await (const document of stores.documents<DocumentFact>()) {
    add(document._id, { kind: 'document', fact: shownOf(document) });
  }
}

/** Groups facts by kind. `letters.at`: the dead letters of the record at a position. */
export function orderFacts(
  facts: readonly Fact[],
  letters: { of(orderId: string): readonly LetterFact[]; at(position: string): readonly LetterFact[] },
  now: Date,
): OrderFacts {
  const only = <Kind extends Fact['kind']>(kind: Kind) =>
    facts.filter((one) => one.kind === kind).map(({ fact }) => fact as FactsByKind[Kind]);

  const orders = byKey(only('order'), ({ id }) => id);
  const submissions = only('submission');
  const records = byKey(submissions, ({ position }) => position);
  const decisions = new Map(
    only('decision').map(({ id, bytes }) => [id, fromBinary(EnrichedOrderSchema, bytes)]),
  );
  const decided = [...decisions].map(([id, { submission, source }]): [string, OrderedFact] => {
    const record = records.get(`${source?.topic}/${source?.partition}/${source?.offset}`);
    return [id, { value: record?.value, content: submission && contentOfSubmission(submission) }];
  });
  const found = [
    ...submissions.map(({ position }) => letters.at(position)),
    ...[...orders.keys()].map(letters.of),
  ];
  return {
    orders,
    decisions,
    ordered: new Map([
      ...only('undecided').map((ordered): [string, OrderedFact] => [ordered.id, ordered]),
      ...decided,
    ]),
    responses: only('response'),
    documents: byKey(only('document'), ({ _id }) => _id),
    events: only('event'),
    reservations: byKey(only('reservation'), ({ orderId }) => orderId),
    payments: byKey(only('payment'), ({ orderId }) => orderId),
    counted: byKey(only('counted'), ({ orderId }) => orderId),
    waitingCharges: only('waitingCharge'),
    ledger: only('movement'),
    submissions,
    letters: [...new Set(found.flat())],
    now,
  };
}

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T> {
  return new Map(items.map((item) => [keyOf(item), item]));
}

async function readOrders({ orders }: Stores, add: AddFact): Promise<void> {
  const batches = orders.batches<{
    id: string;
    state: string;
    version: number;
    total: string | null;
    caller_id: string | null;
    needs_attention: string | null;
    deadline_time: Date | null;
    refunded: boolean;
  }>('select id, state, version, total, caller_id, needs_attention, deadline_time, refunded from orders');
  for await (const rows of batches) {
    for (const row of rows) {
      const fact: OrderFact = {
        id: row.id,
        state: row.state,
        version: row.version,
        total: row.total === null ? undefined : BigInt(row.total),
        callerId: row.caller_id ?? undefined,
        needsAttention: row.needs_attention ?? undefined,
        deadlineTime: row.deadline_time ?? undefined,
        refunded: row.refunded,
      };
      add(row.id, { kind: 'order', fact });
    }
  }
}

async function readDecisions({ orders }: Stores, add: AddFact): Promise<void> {
  const batches = orders.batches<{ order_id: string; enriched_order: Buffer }>(
    'select order_id, enriched_order from order_history where enriched_order is not null',
  );
  for await (const rows of batches) {
    for (const { order_id: id, enriched_order: bytes } of rows)
      add(id, { kind: 'decision', fact: { id, bytes } });
  }
}

async function readUndecided({ orders }: Stores, add: AddFact): Promise<void> {
  const batches = orders.batches<{ id: string; submission: Buffer; content_type: string | null }>(
    'select id, submission, submission_content_type as content_type from orders where submission is not null',
  );
  for await (const rows of batches) {
    for (const { id, submission, content_type: type } of rows) {
      const headers: Record<string, string> = type === null ? {} : { 'content-type': type };
      const { content } = contentOfRecord(submission, headers);
      add(id, { kind: 'undecided', fact: { id, value: digestOf(submission), content } });
    }
  }
}

async function readResponses({ orders }: Stores, add: AddFact): Promise<void> {
  const batches = orders.batches<{ caller_id: string; request_id: string; answer: Buffer }>(
    'select caller_id, request_id, answer from idempotency where method = $1 and answer is not null',
    [`${OrderService.typeName}/${OrderService.method.createOrder.name}`],
  );
  for await (const rows of batches) {
    for (const { caller_id: callerId, request_id: requestId, answer } of rows) {
      const orderId = fromBinary(CreateOrderResponseSchema, answer).order?.orderId;
      add(orderId, { kind: 'response', fact: { callerId, requestId, orderId } });
    }
  }
}

async function readReservations({ inventory }: Stores, add: AddFact): Promise<void> {
  const batches = inventory.batches<{ order_id: string; state: string }>(
    'select order_id, state from reservation',
  );
  for await (const rows of batches) {
    for (const { order_id: orderId, state } of rows) {
      add(orderId, { kind: 'reservation', fact: { orderId, state } });
    }
  }
}

async function readPayments({ payment }: Stores, add: AddFact): Promise<void> {
  const batches = payment.batches<{
    order_id: string;
    state: string;
    amount: string | null;
    settled: boolean;
  }>('select order_id, state, amount, settle_time is not null as settled from payment');
  for await (const rows of batches) {
    for (const { order_id: orderId, state, amount, settled } of rows) {
      const fact = {
        orderId,
        state,
        amount: amount === null ? undefined : BigInt(amount),
        isSettledByHand: settled,
      };
      add(orderId, { kind: 'payment', fact });
    }
  }
}

async function readWaitingCharges({ payment }: Stores, add: AddFact): Promise<void> {
  const batches = payment.batches<{ order_id: string }>(
    `select order_id from waiting_charge
     where not exists (select from payment where payment.order_id = waiting_charge.order_id)`,
  );
  for await (const rows of batches) {
    for (const { order_id: orderId } of rows) add(orderId, { kind: 'waitingCharge', fact: orderId });
  }
}

async function readCounted({ enrichment }: Stores, add: AddFact): Promise<void> {
  const batches = enrichment.batches<{ order_id: string; customer_id: string }>(
    'select order_id, customer_id from counted_order',
  );
  for await (const rows of batches) {
    for (const { order_id: orderId, customer_id: customerId } of rows) {
      add(orderId, { kind: 'counted', fact: { orderId, customerId } });
    }
  }
}

/** The checked fields of a document. */
function shownOf(document: DocumentFact): DocumentFact {
  const { _id, outcome, decide_time, rejections, customer, lines, subtotal, tax, total, progress } = document;
  const fields = { outcome, decide_time, rejections, customer, lines, subtotal, tax, total, progress };
  return { _id, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) };
}
