import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { bind, element, hasEnded, note, sentenceOf, show, showWatched, text } from './page.ts';

const timeoutMs = 15_000;
/** Errors that the same call has again. After any other the order is watched again. */
const lasting = [Code.NotFound, Code.InvalidArgument, Code.PermissionDenied, Code.Unimplemented];
// The page chooses it: an order that is sent again, because the response was lost, is still one order.
let orderId = crypto.randomUUID();
let watched = { orderId: '', stop: new AbortController() };

const withToken: Interceptor = (next) => (request) => {
  if (text('token')) request.header.set('authorization', `Bearer ${text('token')}`);
  return next(request);
};

/** Creates a client of the API, with the protocol that the page names now. */
function api() {
  const options = { baseUrl: text('api'), interceptors: [withToken] };
  const isGrpcWeb = element('grpc-web').checked;
  return createClient(
    OrderService,
    isGrpcWeb ? createGrpcWebTransport(options) : createConnectTransport(options),
  );
}

async function place() {
  const id = orderId;
  const reference = { case: 'sku', value: text('sku') } as const;
  const lines = [{ reference, quantity: BigInt(text('quantity')) }];
  await api().createOrder({ orderId: id, customerId: text('customer'), lines }, { timeoutMs });
  if (id === orderId) orderId = crypto.randomUUID();
  await watch(id);
}

const cancel = () => api().cancelOrder({ orderId: watched.orderId }, { timeoutMs });

/** Shows the order as it changes, until it ends. A stream that breaks or ends before that is opened again. */
async function watch(id: string) {
  watched.stop.abort();
  watched = { orderId: id, stop: new AbortController() };
  const { signal } = watched.stop;
  showWatched(id);
  for (let delayMs = 250; !signal.aborted; delayMs = Math.min(2 * delayMs, 5_000)) {
    try {
      // The order as it is comes first. A connection that died silently is given up after two minutes.
      for await (const { order } of api().watchOrder({ orderId: id }, { signal, timeoutMs: 120_000 })) {
        delayMs = 125;
        if (order) show(order);
        if (order && hasEnded(order)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      const { code } = ConnectError.from(error);
      if (lasting.includes(code)) throw error;
      if (code !== Code.DeadlineExceeded) note(`Interrupted, trying again. ${sentenceOf(error)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs * (0.5 + Math.random() / 2)));
  }
}

bind({
  place,
  cancel,
  // Other content is another order.
  edited: () => {
    orderId = crypto.randomUUID();
  },
});
