// Calls GetOrder over gRPC, 16 calls at once: URL COUNT [KIND KEY]. KIND: `known`, all calls have one token, or `new`,
// each has its own; KEY: the private JWK that signs them. Without: no tokens. Prints {seconds}.
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { signTokens } from '../sign-tokens.ts';

const [baseUrl = '', count = '0', kind, key = '{}'] = process.argv.slice(2);
const callers = 16;
const client = createClient(OrderService, createGrpcTransport({ baseUrl }));

const tokens = kind === undefined ? [] : await signTokens(key, 'c-1', kind === 'new' ? Number(count) : 1);
const began = performance.now();
let next = 0;
await Promise.all(
  Array.from({ length: callers }, async () => {
    while (next < Number(count)) {
      const token = tokens[next % tokens.length];
      next += 1;
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      await client.getOrder({ orderId: 'o-1' }, { headers });
    }
  }),
);
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000 }));
process.exit();
