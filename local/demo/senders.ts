import { ConnectError } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { errorReason } from '@orderflow/rpc';
import { type Clients, callAs, untilKnown } from '../src/clients.ts';
import type { Content, TestOrder } from '../src/orders.ts';
import type { Stores } from '../src/stores.ts';

/** What was sent, and the responses. */
export interface Sent {
  /** Orders that CreateOrder has accepted. */
  readonly taken: number;
  /** Orders that CreateOrder refused for lack of stock: nothing of them is stored. */
  readonly refused: ReadonlySet<string>;
  /** Orders that were cancelled in flight, and those of them that were cancelled in time. */
  readonly cancelsAsked: number;
  readonly cancelsTaken: number;
  /** Records written to Kafka; some orders are sent twice. */
  readonly records: number;
}

/** Concurrent callers. */
const callers = 16;
/** Every nth order is cancelled in flight. */
const cancelEvery = 20;
const sentTwiceEvery = 20;
const chunkSize = 25;

/** Creates orders as careful callers do: with a request id, and again when the outcome is unknown. */
export async function sendByApi(
  clients: Clients,
  orders: readonly TestOrder[],
  onSent: (count: number) => void,
  signal: AbortSignal,
): Promise<Pick<Sent, 'taken' | 'refused' | 'cancelsAsked' | 'cancelsTaken'>> {
  const refused = new Set<string>();
  const waiting = orders.entries();
  let cancelsAsked = 0;
  let cancelsTaken = 0;

  async function call(): Promise<void> {
    for (const [index, { orderId, content }] of waiting) {
      signal.throwIfAborted();
      if (content === undefined) throw new Error(`order ${orderId} has no content to call with`);
      const isTaken = await take(clients, content);
      if (!isTaken) refused.add(orderId);
      else if (index % cancelEvery === 0) {
        cancelsAsked += 1;
        if (await cancel(clients, content)) cancelsTaken += 1;
      }
      onSent(1);
    }
  }
  await Promise.all(Array.from({ length: callers }, call));
  return { taken: orders.length - refused.size, refused, cancelsAsked, cancelsTaken };
}

/** Returns false when it was refused for lack of stock. */
async function take({ orders }: Clients, { orderId, customerId, lines }: Content): Promise<boolean> {
  const request = {
    orderId,
    customerId,
    requestId: `request-${orderId}`,
    lines: lines.map(({ productId, quantity, price }) => ({
      reference: { case: 'productId' as const, value: productId },
      quantity: BigInt(quantity),
      ...(price !== undefined && { quotedPrice: toMoney(BigInt(Math.round(price * 100)), 'USD') }),
    })),
  };
  try {
    await untilKnown(() => orders.createOrder(request));
    return true;
  } catch (error) {
    if (errorReason(error) === 'ORDER_REFUSED') return false;
    throw error;
  }
}

/** Cancels an order once it is accepted, as its customer. Returns false when it was paid before that. */
async function cancel({ orders }: Clients, { orderId, customerId }: Content): Promise<boolean> {
  const asCustomer = callAs({ role: 'customer', subject: customerId });
  const isPending = async () => {
    const { order } = await orders.getOrder({ orderId }, asCustomer);
    if (order?.state === Order_State.PENDING) throw new ConnectError('not decided yet');
  };
  await untilKnown(isPending);
  try {
    await untilKnown(() => orders.cancelOrder({ orderId, reason: 'changed my mind' }, asCustomer));
    return true;
  } catch (error) {
    if (errorReason(error) === 'ORDER_NOT_CANCELLABLE') return false;
    throw error;
  }
}

/** Writes records in small chunks, some orders twice, as producers do whose first send had an unknown outcome. */
export async function sendByKafka(
  stores: Stores,
  orders: readonly TestOrder[],
  onSent: (count: number) => void,
  signal: AbortSignal,
): Promise<Pick<Sent, 'records'>> {
  let records = 0;
  for (let start = 0; start < orders.length; start += chunkSize) {
    signal.throwIfAborted();
    const chunk = orders.slice(start, start + chunkSize);
    // Only readable records can be recognized as repeats.
    const again = chunk.filter(
      ({ expected }, index) => (start + index) % sentTwiceEvery === 0 && expected.outcome !== 'DEAD_LETTER',
    );
    await stores.send([...chunk, ...again].map(({ record }) => record));
    records += chunk.length + again.length;
    onSent(chunk.length);
  }
  return { records };
}
