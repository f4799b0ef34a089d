import { createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { toMinorUnits } from '@orderflow/contracts';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';

/** The price of every product, in minor units, by product id, from the enrichment API at `url`. */
export async function readPrices(
  url: string,
  interceptors: Interceptor[] = [],
): Promise<ReadonlyMap<string, bigint>> {
  const transport = createConnectTransport({ baseUrl: url, httpVersion: '1.1', interceptors });
  const client = createClient(ProductService, transport);
  const prices = new Map<string, bigint>();
  let pageToken = '';
  do {
    const page = await client.listProducts({ pageSize: 1000, pageToken });
    for (const { productId, price } of page.products) {
      const amount = price && toMinorUnits(price);
      if (amount === undefined) throw new Error(`product ${productId} has no price`);
      prices.set(productId, amount);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return prices;
}
