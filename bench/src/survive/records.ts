import { seededRandom } from '@orderflow/testing/seeded-random';
import { makeOrders, type PlainOrder } from '../orders.ts';

/** Of a hundred records, this many are of each kind; the others are orders to be accepted. */
const shares = { unreadable: 1, refused: 2, conflict: 1, repeat: 3 } as const;
/** A repeat is of one of this many orders before it. */
const repeatWithin = 1_000;

/** Values that are no order. The last can be read, but no order may have such an id. */
const unreadable: readonly ((id: string) => Buffer)[] = [
  (id) => Buffer.from(`{"orderId":"${id}","customerId":"c-1","products":`),
  (id) => Buffer.concat([Buffer.from([0xff, 0xfe, 0x00]), Buffer.from(id)]),
  (id) => bytesOf({ orderId: `no ${id}`, customerId: 'c-1', products: [line('p-1')] }),
];

/** What makes an order one to be refused. Every fiftieth customer is inactive, every fiftieth product retired. */
const flaws: readonly ((order: PlainOrder) => PlainOrder)[] = [
  (order) => ({ ...order, customerId: 'c-nobody' }),
  (order) => ({ ...order, customerId: 'c-50' }),
  (order) => ({ ...order, products: [line('p-50'), ...order.products.slice(1)] }),
  (order) => ({ ...order, products: [...order.products.slice(1), line('p-nothing')] }),
];

function line(productId: string): PlainOrder['products'][number] {
  return { productId, name: 'as the sender saw it', price: 9.99 };
}

function bytesOf(order: PlainOrder): Buffer {
  return Buffer.from(JSON.stringify(order));
}

/**
 * The values of `count` records: orders, and among them repeats of earlier ones, orders under the id of an earlier one,
 * orders to be refused, and values that are no order. The same arguments make the same values.
 */
export function makeRecords(prefix: string, count: number): Buffer[] {
  const random = seededRandom(count);
  const orders = makeOrders(prefix, count, count);
  const values: Buffer[] = [];
  const good: PlainOrder[] = [];
  const earlier = () => good.at(-1 - Math.floor(random() * Math.min(good.length, repeatWithin)));
  for (const [at, order] of orders.entries()) {
    const draw = random() * 100;
    const before = earlier();
    let value: Buffer;
    if (draw < shares.unreadable) {
      value = pick(unreadable, at)(order.orderId);
    } else if (draw < shares.unreadable + shares.refused) {
      value = bytesOf(pick(flaws, at)(order));
    } else if (before !== undefined && draw < shares.unreadable + shares.refused + shares.conflict) {
      value = bytesOf({ ...order, orderId: before.orderId });
    } else if (before !== undefined && draw > 100 - shares.repeat) {
      value = bytesOf(before);
    } else {
      value = bytesOf(order);
      good.push(order);
    }
    values.push(value);
  }
  return values;
}

function pick<T>(list: readonly T[], index: number): T {
  const item = list[index % list.length];
  if (item === undefined) throw new RangeError('cannot pick from an empty list');
  return item;
}
