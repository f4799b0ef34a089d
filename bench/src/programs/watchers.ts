// Opens watches and keeps them: BASE_URL COUNT, of customers that order nothing; or BASE_URL COUNT stalled, of all orders,
// with a connection each, of which nothing is read. Prints "open" once all of them are.
import { connect } from 'node:http2';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';

const [baseUrl = '', count = '0', stalled] = process.argv.slice(2);
/** Below the streams that a connection may have at a time. */
const PER_CONNECTION = 200;

async function openIdle(): Promise<void> {
  let client = createClient(OrderService, createGrpcTransport({ baseUrl }));
  for (let opened = 0; opened < Number(count); opened++) {
    if (opened % PER_CONNECTION === 0) {
      const sessionManager = new Http2SessionManager(baseUrl);
      client = createClient(OrderService, createGrpcTransport({ baseUrl, sessionManager }));
    }
    const watch = client.watchOrders({ customerId: `idle-${opened}` })[Symbol.asyncIterator]();
    // The bookmark that says that it has begun.
    await watch.next();
    void watch.next().then(async () => {
      for (;;) if ((await watch.next()).done) throw new Error('a watch has ended');
    });
  }
}

/** Node reads nothing of a stream without a listener, and allows the server so little that it waits at once. */
async function openStalled(): Promise<void> {
  for (let opened = 0; opened < Number(count); opened++) {
    const session = connect(baseUrl, { settings: { initialWindowSize: 1_024 } });
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${OrderService.typeName}/WatchOrders`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(Buffer.alloc(5));
    await new Promise((resolve) => stream.once('response', resolve));
  }
}

await (stalled === undefined ? openIdle() : openStalled());
console.log('open');
setInterval(() => {}, 1_000_000);
