import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { toMinorUnits } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { Product_State } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';

/** Everything that orders can refer to, by id, as the enrichment API has it. */
export interface Catalogue {
  readonly customers: ReadonlyMap<string, { readonly name: string; readonly active: boolean }>;
  /** Prices in cents. */
  readonly products: ReadonlyMap<
    string,
    { readonly name: string; readonly price: bigint; readonly active: boolean }
  >;
}

/** Reads all customers and products of the enrichment API at `baseUrl`. */
export async function readCatalogue(baseUrl: string): Promise<Catalogue> {
  const transport = createConnectTransport({ baseUrl, httpVersion: '1.1' });
  const customerApi = createClient(CustomerService, transport);
  const productApi = createClient(ProductService, transport);
  const customers = new Map<string, { name: string; active: boolean }>();
  const products = new Map<string, { name: string; price: bigint; active: boolean }>();
  const pageSize = 1_000;
  for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
    const page = await customerApi.listCustomers({ pageSize, pageToken });
    for (const { customerId, name, active } of page.customers) customers.set(customerId, { name, active });
    pageToken = page.nextPageToken || undefined;
  }
  for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
    const page = await productApi.listProducts({ pageSize, pageToken });
    for (const { productId, name, price, state } of page.products) {
      const cents = price && toMinorUnits(price);
      if (cents === undefined) throw new Error(`product ${productId} has no price`);
      products.set(productId, { name, price: cents, active: state === Product_State.ACTIVE });
    }
    pageToken = page.nextPageToken || undefined;
  }
  return { customers, products };
}
