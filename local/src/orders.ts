import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { toMoney } from '@orderflow/contracts';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';

/** An order to send, and its expected decision; computed without any code of the services. */
export interface TestOrder {
  readonly orderId: string;
  /** The content of the record, if it is readable. */
  readonly content?: Content;
  readonly record: { readonly value: Buffer; readonly headers?: Record<string, string> };
  readonly expected:
    | { readonly outcome: 'ACCEPTED'; readonly total: bigint }
    | { readonly outcome: 'REJECTED'; readonly reasons: readonly string[] }
    | { readonly outcome: 'DEAD_LETTER'; readonly reason: string };
}

/** The format of a record. */
export type Format = 'protobuf' | 'protobuf_json' | 'plain_json';

/** One line of an order. */
export interface Line {
  readonly productId: string;
  readonly quantity: number;
  readonly price?: number;
}

/** The content of an order. */
export interface Content {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly Line[];
}

/** Encodes an order as a record. The plain format expresses a quantity by repeating the product. */
export function recordOf({ orderId, customerId, lines }: Content, format: Format): TestOrder['record'] {
  if (format === 'plain_json') {
    const products = lines.map(({ productId, quantity, price }) => ({
      productId,
      quantity,
      price,
      name: 'as seen',
    }));
    return { value: Buffer.from(JSON.stringify({ orderId, customerId, products })) };
  }
  const quoted = (price: number | undefined) =>
    price === undefined ? {} : { quotedPrice: toMoney(BigInt(Math.round(price * 100)), 'USD') };
  const message = create(OrderSubmittedSchema, {
    orderId,
    customerId,
    lines: lines.map(({ productId, quantity, price }) => ({
      reference: { case: 'productId' as const, value: productId },
      quantity: BigInt(quantity),
      ...quoted(price),
    })),
  });
  if (format === 'protobuf_json') {
    const json = toJsonString(OrderSubmittedSchema, message);
    return { value: Buffer.from(json), headers: { 'content-type': 'application/json' } };
  }
  return { value: Buffer.from(toBinary(OrderSubmittedSchema, message)) };
}

/** Flaws of an order, with the reasons for which it must be rejected. */
const flaws: readonly { readonly reasons: readonly string[]; readonly spoil: (order: Content) => Content }[] =
  [
    { reasons: ['CUSTOMER_NOT_FOUND'], spoil: (order) => ({ ...order, customerId: 'c-nobody' }) },
    { reasons: ['CUSTOMER_INACTIVE'], spoil: (order) => ({ ...order, customerId: 'c-50' }) },
    { reasons: ['CUSTOMER_ID_INVALID'], spoil: (order) => ({ ...order, customerId: '' }) },
    { reasons: ['LINES_EMPTY'], spoil: (order) => ({ ...order, lines: [] }) },
    {
      reasons: ['PRODUCT_NOT_FOUND'],
      spoil: (order) => withLine(order, { productId: 'p-nothing', quantity: 1 }),
    },
    { reasons: ['PRODUCT_RETIRED'], spoil: (order) => withLine(order, { productId: 'p-50', quantity: 1 }) },
    { reasons: ['QUANTITY_INVALID'], spoil: (order) => withLine(order, { productId: 'p-7', quantity: 0 }) },
    {
      reasons: ['QUANTITY_INVALID'],
      spoil: (order) => withLine(order, { productId: 'p-7', quantity: 10_001 }),
    },
    {
      reasons: ['QUOTED_PRICE_INVALID'],
      spoil: (order) => withLine(order, { productId: 'p-7', quantity: 1, price: -1 }),
    },
    {
      reasons: ['CUSTOMER_NOT_FOUND', 'PRODUCT_NOT_FOUND', 'QUANTITY_INVALID'],
      spoil: ({ orderId }) => ({
        orderId,
        customerId: 'c-nobody',
        lines: [{ productId: 'p-nothing', quantity: -3 }],
      }),
    },
  ];

/** Unreadable records, with the reason for which they are dead-lettered. */
const poisons: readonly { readonly reason: string; readonly value: (orderId: string) => Buffer }[] = [
  { reason: 'SCHEMA_REGISTRY_FRAMING', value: (id) => Buffer.concat([Buffer.alloc(5), Buffer.from(id)]) },
  { reason: 'MALFORMED_JSON', value: (id) => Buffer.from(`{"orderId":"${id}","products":`) },
  {
    reason: 'ORDER_ID_UNUSABLE',
    value: (id) => Buffer.from(`{"orderId":"no ${id}","customerId":"c-1","products":[]}`),
  },
  { reason: 'EMPTY', value: () => Buffer.alloc(0) },
];

function withLine(order: Content, line: Line): Content {
  return { ...order, lines: [...order.lines, line] };
}

/** Whether number `index` belongs to an evenly spread share. */
const isOneIn = (index: number, every: number, offset = 0) => index % every === offset;

/**
 * Makes orders with known outcomes: formats in turn, one in ten invalid (in every possible way, one in a hundred
 * unreadable). `prices`: of every product. The same arguments make the same orders.
 */
export function makeOrders(options: {
  readonly prefix: string;
  readonly count: number;
  readonly prices: ReadonlyMap<string, bigint>;
  readonly formats?: readonly Format[];
  readonly taxBasisPoints?: bigint;
  /** The numbers of the enrichment API: c-1 to c-5000, p-1 to p-2000 by default. */
  readonly customers?: number;
  readonly products?: number;
}): TestOrder[] {
  const { prefix, count, prices, formats = ['protobuf', 'plain_json'], taxBasisPoints = 800n } = options;
  const { customers = 5_000, products = 2_000 } = options;
  return Array.from({ length: count }, (_, index): TestOrder => {
    const orderId = `${prefix}-${index + 1}`;
    const format = formats[index % formats.length] ?? 'protobuf';
    const content = goodContent(orderId, index, { customers, products });
    // Another of the invalid orders in each hundred, so that every flaw remains present.
    if (isOneIn(index, 100, 7 + 10 * (Math.floor(index / 100) % 10))) {
      const poison = poisons[Math.floor(index / 100) % poisons.length] as (typeof poisons)[number];
      return {
        orderId,
        record: { value: poison.value(orderId) },
        expected: { outcome: 'DEAD_LETTER', reason: poison.reason },
      };
    }
    if (isOneIn(index, 10, 7)) {
      const flaw = flaws[Math.floor(index / 10) % flaws.length] as (typeof flaws)[number];
      const spoiled = flaw.spoil(content);
      return {
        orderId,
        content: spoiled,
        record: recordOf(spoiled, format),
        expected: { outcome: 'REJECTED', reasons: flaw.reasons },
      };
    }
    const subtotal = content.lines.reduce((sum, { productId, quantity }) => {
      const price = prices.get(productId);
      if (price === undefined) throw new Error(`no price for ${productId}`);
      return sum + price * BigInt(quantity);
    }, 0n);
    // Half up, on non-negative amounts.
    const tax = (subtotal * taxBasisPoints + 5_000n) / 10_000n;
    return {
      orderId,
      content,
      record: recordOf(content, format),
      expected: { outcome: 'ACCEPTED', total: subtotal + tax },
    };
  });
}

/** A customer and products that are active: every fiftieth of each is not. One in ten asks for scarce products. */
function goodContent(
  orderId: string,
  index: number,
  { customers, products }: { customers: number; products: number },
): Content {
  const active = (number: number) => (number % 50 === 0 ? number + 1 : number);
  const line = (number: number, quantity: number): Line => ({ productId: `p-${active(number)}`, quantity });
  const isScarce = isOneIn(index, 20, 3) || isOneIn(index, 20, 4);
  const product = (number: number) => 6 + (number % (products - 6));
  return {
    orderId,
    customerId: `c-${active(1 + ((index * 7) % (customers - 1)))}`,
    lines: [
      line(isScarce ? 1 + (Math.floor(index / 20) % 5) : product(index * 13), 1 + (index % 3)),
      ...(index % 2 === 0 ? [line(product(index + 1), 2)] : []),
    ],
  };
}
