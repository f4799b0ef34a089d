import { createTestSystem, expectAllSettled, sendOrders } from '@orderflow/e2e/test-system';
import { readPrices } from '@orderflow/local/catalogue';
import { makeOrders } from '@orderflow/local/orders';
import { expect, test } from 'vitest';
import { reasonToSkipGo } from '../src/go.ts';
import { startGoEnrichment } from '../src/go-enrichment.ts';

const skipped = reasonToSkipGo();
if (skipped) console.warn(`Skipped: ${skipped}`);

test.skipIf(skipped !== undefined)(
  '100 orders are decided against the enrichment API in Go, with no change but its URL',
  { timeout: 900_000 },
  async () => {
    const go = await startGoEnrichment();
    try {
      await using system = await createTestSystem('go-enrichment', {
        CUSTOMER_API_URL: go.url,
        PRODUCT_API_URL: go.url,
      });
      const { services, stores } = system;
      await Promise.all([
        services['order-relay'].start(),
        services['order-worker'].start(),
        services['order-view'].start(),
      ]);
      // One of 101 cannot be read.
      const orders = makeOrders({
        prefix: 'go',
        count: 101,
        prices: await readPrices(go.url),
        customers: 200,
        products: 100,
        formats: ['protobuf', 'plain_json', 'protobuf_json'],
      });
      await sendOrders(stores, orders);
      await expectAllSettled(stores, orders);

      const [accepted] = orders.filter(({ expected }) => expected.outcome === 'ACCEPTED');
      const document = await stores.document(accepted?.orderId ?? '');
      expect(document).toMatchObject({
        customer: { email: expect.stringMatching(/^customer-\d+@example\.com$/) },
        lines: [
          { product: { description: expect.stringContaining('from the Go catalogue') } },
          expect.anything(),
        ],
      });
    } finally {
      await go.stop();
    }
  },
);
