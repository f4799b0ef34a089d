import type { Message } from '@bufbuild/protobuf';
import type * as customers from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import type * as products from '@orderflow/contracts/orderflow/enrichment/v1/product_service';

type Request =
  | customers.GetCustomerRequest
  | customers.BatchGetCustomersRequest
  | customers.ListCustomersRequest
  | customers.CreateCustomerRequest
  | customers.UpdateCustomerRequest
  | customers.PutCustomerRequest
  | products.GetProductRequest
  | products.BatchGetProductsRequest
  | products.ListProductsRequest;

/** The customer ids, product ids and SKUs of a request; none for lists. */
export function requestedIds(message: Message): string[] {
  const request = message as Request;
  switch (request.$typeName) {
    case 'orderflow.enrichment.v1.GetCustomerRequest':
      return [request.customerId];
    case 'orderflow.enrichment.v1.BatchGetCustomersRequest':
      return request.customerIds;
    case 'orderflow.enrichment.v1.CreateCustomerRequest':
    case 'orderflow.enrichment.v1.UpdateCustomerRequest':
    case 'orderflow.enrichment.v1.PutCustomerRequest':
      return request.customer ? [request.customer.customerId] : [];
    case 'orderflow.enrichment.v1.GetProductRequest':
      return request.reference.value === undefined ? [] : [request.reference.value];
    case 'orderflow.enrichment.v1.BatchGetProductsRequest':
      return [...request.productIds, ...request.skus];
    case 'orderflow.enrichment.v1.ListCustomersRequest':
    case 'orderflow.enrichment.v1.ListProductsRequest':
      return [];
  }
}
