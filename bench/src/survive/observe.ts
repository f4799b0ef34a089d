import { fromBinary } from '@bufbuild/protobuf';
import { toMinorUnits, topics } from '@orderflow/contracts';
import {
  OrderAcceptedSchema,
  OrderRejectedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { Stores, TopicRecord } from '@orderflow/local/stores';
import type { Effect, Observed } from './audit.ts';
import { linesText, namesText } from './oracle.ts';

/** A document of ours. */
interface OurDocument {
  readonly _id: string;
  readonly outcome?: string;
  readonly customer?: { readonly customer_id: string; readonly name: string };
  readonly lines?: readonly {
    readonly product: { readonly product_id: string; readonly name: string };
    readonly quantity: number;
    readonly unit_price: string;
  }[];
  readonly total?: string;
}

/** A document of the careless consumer. */
interface NaiveDocument {
  readonly orderId: string;
  readonly customerId: string;
  readonly customer: { readonly name: string };
  /** Prices in cents. */
  readonly products: readonly { readonly productId: string; readonly name: string; readonly price: number }[];
}

/** Reads what the careless consumer has left: documents, nothing else. */
export async function observeDocuments(stores: Stores): Promise<Observed> {
  const documents = (await stores.documents()) as unknown as NaiveDocument[];
  const effects = documents.map(({ orderId, customerId, customer, products }): [string, Effect] => {
    const quantities = Map.groupBy(products, ({ productId }) => productId);
    const lines = [...quantities.values()].flatMap(([first, ...others]) =>
      first === undefined
        ? []
        : [{ ...first, quantity: BigInt(1 + others.length), price: BigInt(first.price) }],
    );
    return [
      orderId,
      {
        outcome: 'ACCEPTED',
        customerId,
        names: namesText(
          customer.name,
          lines.map(({ name }) => name),
        ),
        lines: linesText(lines),
      },
    ];
  });
  return { stores: { documents: byId(effects) }, deadLetters: [] };
}

/** Reads what our worker has left, or who keeps the same promises: orders, documents, events, dead letters. */
export async function observeAll(stores: Stores): Promise<Observed> {
  const [rows, documents, events, letters] = await Promise.all([
    stores.query<{ id: string; state: string; customer_id: string; total: string | null; decisions: number }>(
      `select id, orders.state, customer_id, total,
         (select count(*)::int from order_history where order_id = id) as decisions from orders`,
    ),
    stores.documents(),
    stores.readTopic(topics.orderEvents),
    stores.deadLetters(),
  ]);
  const ofRows = rows.flatMap(({ id, state, customer_id, total, decisions }) => {
    const effect = { outcome: state, customerId: customer_id, total: BigInt(total ?? 0) };
    return Array.from({ length: decisions }, (): [string, Effect] => [id, effect]);
  });
  // An event may be published twice; then it has the same id and the same content.
  const distinct = new Map(
    events.map((event) => [`${event.headers['ce_id']} ${event.value?.toString('hex')}`, event]),
  );
  return {
    stores: {
      orders: byId(ofRows),
      documents: byId((documents as unknown as OurDocument[]).map((each) => [each._id, ofDocument(each)])),
      events: byId([...distinct.values()].map(ofEvent)),
    },
    deadLetters: letters.map(({ value }) => value ?? Buffer.alloc(0)),
  };
}

function ofDocument({ outcome = '', customer, lines = [], total = '' }: OurDocument): Effect {
  const products = lines.map(({ product }) => product.name);
  return {
    outcome,
    customerId: customer?.customer_id ?? '',
    names: namesText(customer?.name ?? '', products),
    lines: linesText(
      lines.map(({ product, quantity, unit_price }) => ({
        productId: product.product_id,
        quantity: BigInt(quantity),
        price: centsOf(unit_price),
      })),
    ),
    total: centsOf(total),
  };
}

function ofEvent({ headers, value }: TopicRecord): [string, Effect] {
  const bytes = value ?? new Uint8Array();
  if (headers['ce_type'] === OrderAcceptedSchema.typeName) {
    const { orderId, customerId, lines, total } = fromBinary(OrderAcceptedSchema, bytes);
    const priced = lines.map(({ productId, quantity, unitPrice }) => ({
      productId,
      quantity,
      price: (unitPrice && toMinorUnits(unitPrice)) ?? -1n,
    }));
    const cents = (total && toMinorUnits(total)) ?? -1n;
    return [orderId, { outcome: 'ACCEPTED', customerId, lines: linesText(priced), total: cents }];
  }
  if (headers['ce_type'] === OrderRejectedSchema.typeName) {
    return [fromBinary(OrderRejectedSchema, bytes).orderId, { outcome: 'REJECTED' }];
  }
  return [headers['ce_subject'] ?? '', { outcome: headers['ce_type'] ?? '' }];
}

/** `1299.99` in cents. */
function centsOf(amount: string): bigint {
  return BigInt(amount.replace('.', '') || -1);
}

function byId(effects: readonly (readonly [string, Effect])[]): Map<string, Effect[]> {
  const grouped = Map.groupBy(effects, ([id]) => id);
  return new Map(Array.from(grouped, ([id, each]) => [id, each.map(([, effect]) => effect)]));
}
