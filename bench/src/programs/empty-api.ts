// An order API without a backend: CreateOrder and GetOrder return the same order to every caller. Prints its port.
// With the argument `tokens` it requires them, and prints the private key that signs them; with `limits`, each customer
// may call it 50 times a second, too.
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import {
  CreateOrderResponseSchema,
  GetOrderResponseSchema,
  OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createOrderAdapter } from '@orderflow/order/inbound/rest/create-order';
import { createRateLimits, createTokens, type Tokens } from '@orderflow/rpc';
import { createLogger } from '@orderflow/runtime';
import { createLocalJWKSet, exportJWK, generateKeyPair } from 'jose';
import { startBareServer } from '../bare-server.ts';
import { tokenAlgorithm, tokenTerms } from '../sign-tokens.ts';

const time = timestampFromDate(new Date());
const line = (productId: string) => ({
  reference: { case: 'productId' as const, value: productId },
  quantity: 1n,
  quotedPrice: toMoney(999n, 'USD'),
});
const response = create(CreateOrderResponseSchema, {
  order: {
    orderId: '019a0000-0000-7000-8000-000000000000',
    customerId: 'c-1',
    state: Order_State.PENDING,
    lines: [line('p-1'), line('p-2')],
    createTime: time,
    updateTime: time,
  },
});
const found = create(GetOrderResponseSchema, response.order ? { order: response.order } : {});
async function requiredTokens(): Promise<Tokens> {
  const { publicKey, privateKey } = await generateKeyPair(tokenAlgorithm, { extractable: true });
  const findKey = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'bench' }] });
  console.log(`key ${JSON.stringify(await exportJWK(privateKey))}`);
  return createTokens(tokenTerms, { findKey, now: Date.now });
}

const port = await startBareServer({
  service: 'empty-api',
  routes: (router) => router.service(OrderService, { createOrder: () => response, getOrder: () => found }),
  services: [OrderService],
  restAdapters: [createOrderAdapter],
  ...(process.argv[2] !== undefined && {
    tokens: await requiredTokens(),
    rateLimits: createRateLimits({
      perCaller: process.argv[2] === 'limits' ? 50 : 'off',
      perService: 'off',
      logger: createLogger({ service: 'empty-api', level: 'error' }),
    }),
  }),
});
console.log(`port ${port}`);
