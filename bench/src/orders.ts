import { seededRandom } from '@orderflow/testing/seeded-random';

/** The distribution of a benchmark's orders: few customers and products are used often, most rarely. */
export const population = { customers: 5_000, products: 2_000 } as const;

/** An order in the plain JSON format. */
export interface PlainOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly products: readonly { readonly productId: string; readonly name: string; readonly price: number }[];
}

/** Random numbers from 1 to `count`, number n with a probability proportional to 1/n. */
function zipf(count: number, random: () => number): () => number {
  const cumulated: number[] = [];
  let sum = 0;
  for (let n = 1; n <= count; n += 1) {
    sum += 1 / n;
    cumulated.push(sum);
  }
  return () => {
    const target = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? 0) < target) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}

/** Every fiftieth customer is inactive and every fiftieth product retired; these orders are all accepted. */
const active = (number: number) => (number % 50 === 0 ? number - 1 : number);

/** `count` orders of two products each, with ids that begin with `prefix`. */
export function makeOrders(prefix: string, count: number, seed = 1): PlainOrder[] {
  const random = seededRandom(seed);
  const customer = zipf(population.customers, random);
  const product = zipf(population.products, random);
  return Array.from({ length: count }, (_, index) => {
    const line = () => ({ productId: `p-${active(product())}`, name: 'as the sender saw it', price: 9.99 });
    return {
      orderId: `${prefix}-${index}`,
      customerId: `c-${active(customer())}`,
      products: [line(), line()],
    };
  });
}

/** Orders that use every customer and every product, so that both are cached afterwards. */
export function ordersOfEverything(prefix: string): PlainOrder[] {
  return Array.from({ length: population.customers }, (_, index) => {
    const line = (number: number) => ({
      productId: `p-${active(number)}`,
      name: 'as the sender saw it',
      price: 9.99,
    });
    const product = 1 + (index % population.products);
    const other = 1 + ((index + 1_000) % population.products);
    return {
      orderId: `${prefix}-${index}`,
      customerId: `c-${active(index + 1)}`,
      products: [line(product), line(other)],
    };
  });
}

/** A CreateOrder request, repeatable by its id. The server chooses the id of the order. */
export function newOrder({ orderId, customerId, products }: PlainOrder) {
  return {
    customerId,
    requestId: orderId,
    lines: products.map(({ productId }) => ({
      reference: { case: 'productId' as const, value: productId },
      quantity: 1n,
      quotedPrice: { currencyCode: 'USD', units: 9n, nanos: 990_000_000 },
    })),
  };
}
