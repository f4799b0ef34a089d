import type { Catalogue } from './catalogue.ts';

/** What must become of the records with one order id. */
export interface ExpectedOrder {
  readonly orderId: string;
  /** The different contents, mostly one: the first to be decided stands, and all others must be dead letters. */
  readonly contents: readonly Content[];
}

/** One content of an order, with the decision that it must lead to. */
export interface Content {
  /** The values of its records, as text that keeps every byte. */
  readonly values: ReadonlySet<string>;
  readonly outcome: 'ACCEPTED' | 'REJECTED';
  readonly customerId: string;
  /** Of the customer and the products, as the catalogue has them; only of accepted orders. */
  readonly names: string;
  /** Quantity, product and price in cents of each line; only of accepted orders. */
  readonly lines: string;
  /** With tax, in cents; only of accepted orders. */
  readonly total: bigint;
}

/** What must become of all records. */
export interface Expected {
  readonly orders: ReadonlyMap<string, ExpectedOrder>;
  /** Values that must be dead letters, as text that keeps every byte. */
  readonly unreadable: ReadonlySet<string>;
}

interface ReadRecord {
  readonly orderId: string;
  readonly customerId: string;
  readonly products: readonly { readonly productId: string }[];
}

/** Bytes as text of as many characters, to compare and to put into sets. */
export const textOf = (value: Buffer) => value.toString('latin1');

/** Computes what must become of records, from their bytes and the catalogue alone. */
export function expectationsOf(values: readonly Buffer[], catalogue: Catalogue): Expected {
  const unreadable = new Set<string>();
  const orders = new Map<string, Map<string, Content & { readonly values: Set<string> }>>();
  for (const value of values) {
    const record = read(value);
    if (record === undefined) {
      unreadable.add(textOf(value));
      continue;
    }
    const contents = orders.get(record.orderId) ?? new Map();
    orders.set(record.orderId, contents);
    const key = `${record.customerId} ${[...quantitiesOf(record)].sort().join()}`;
    const content = contents.get(key) ?? { ...judge(record, catalogue), values: new Set<string>() };
    contents.set(key, content);
    content.values.add(textOf(value));
  }
  const expected = Array.from(orders, ([orderId, contents]): [string, ExpectedOrder] => [
    orderId,
    { orderId, contents: [...contents.values()] },
  ]);
  return { orders: new Map(expected), unreadable };
}

function read(value: Buffer): ReadRecord | undefined {
  try {
    const record = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)) as ReadRecord;
    return /^[A-Za-z0-9._:-]{1,64}$/.test(record.orderId) ? record : undefined;
  } catch {
    return undefined;
  }
}

function quantitiesOf({ products }: ReadRecord): Map<string, bigint> {
  const quantities = new Map<string, bigint>();
  for (const { productId } of products) quantities.set(productId, (quantities.get(productId) ?? 0n) + 1n);
  return quantities;
}

function judge(record: ReadRecord, catalogue: Catalogue): Omit<Content, 'values'> {
  const { customerId } = record;
  const customer = catalogue.customers.get(customerId);
  const lines = Array.from(quantitiesOf(record), ([productId, quantity]) => ({
    productId,
    quantity,
    product: catalogue.products.get(productId),
  }));
  if (customer?.active !== true || lines.some(({ product }) => product?.active !== true)) {
    return { outcome: 'REJECTED', customerId, names: '', lines: '', total: 0n };
  }
  const subtotal = lines.reduce((sum, { product, quantity }) => sum + (product?.price ?? 0n) * quantity, 0n);
  return {
    outcome: 'ACCEPTED',
    customerId,
    names: namesText(
      customer.name,
      lines.map(({ product }) => product?.name ?? ''),
    ),
    lines: linesText(lines.map((each) => ({ ...each, price: each.product?.price ?? 0n }))),
    // Tax is 8 %, rounded half up.
    total: subtotal + (subtotal * 8n + 50n) / 100n,
  };
}

/** The names of an order's customer and products, whatever the order of its lines. */
export function namesText(customer: string, products: readonly string[]): string {
  return [customer, ...products.toSorted()].join(', ');
}

/** The lines of an order, whatever their order. Prices in cents. */
export function linesText(
  lines: readonly { readonly productId: string; readonly quantity: bigint; readonly price: bigint }[],
): string {
  return lines
    .map(({ productId, quantity, price }) => `${quantity} × ${productId} at ${price}`)
    .sort()
    .join(', ');
}
