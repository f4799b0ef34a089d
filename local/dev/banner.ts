import { relative } from 'node:path';
import type { Stack } from '@orderflow/devstack';
import type { System } from '../src/system.ts';

/** Prints where everything is, and lines to paste. */
export function printBanner(system: System, stack: Stack): void {
  const { services } = system;
  const stub = new URL(services['enrichment-stub'].url).host;
  const api = new URL(services['order-api'].url).host;
  const orderService = 'orderflow.order.v1.OrderService';
  const worker = services['order-worker'].url;
  const brokers = stack.urls.KAFKA_BROKERS;
  const orderJson =
    '{"orderId":"o-1","customerId":"c-1","products":[{"productId":"p-1","name":"Laptop","price":1299.99}]}';
  const where = (path: string) => relative(process.cwd(), path) || '.';
  const rows = (lines: readonly (readonly [string, string])[]) =>
    lines.map(([name, text]) => `  ${name.padEnd(18)} ${text}`).join('\n');

  console.log(`
orderflow is up.

Services
${rows(Object.values(services).map(({ name, url }) => [name, `${url}   /health/detailed  /metrics`]))}

Stores
${rows(Object.values(stack.parts).map(({ name, url, server, external }) => [name, `${url}   ${external ? 'given from outside' : server}`]))}

Send an order, and see it
  echo '${orderJson}' | kcat -P -b ${brokers} -t orders
  kcat -C -b ${brokers} -t order-events -o beginning -e -f '%k  %h\\n'
  mongosh ${stack.urls.MONGO_URL}/orderflow --eval 'db.orders.findOne({_id: "o-1"})'
  psql ${stack.urls.POSTGRES_URL}/order_service -c "select * from order_history where order_id = 'o-1'"
  redis-cli -u ${stack.urls.REDIS_URL} --scan --pattern 'enrichment:*'
  kcat -C -b ${brokers} -t orders.order-worker.dlq -o beginning -e -f '%h\\n'

Order over REST, and look at it
  curl -s -H 'content-type: application/json' -d '{"order_id":"o-3","customer_id":"c-1","items":[{"sku":"MOUSE001","quantity":2}]}' http://${api}/orders
  curl -s http://${api}/orders/o-3/status
  curl -s 'http://${api}/products?sku=MOUSE001'
  http://${api}/docs describes all paths

Order over RPC, and look at it
  grpcurl -plaintext -d '{"order_id":"o-2","customer_id":"c-1","lines":[{"sku":"LAPTOP001","quantity":1}],"request_id":"r-1"}' ${api} ${orderService}/CreateOrder
  curl -s -H 'content-type: application/json' -d '{"orderId":"o-2"}' http://${api}/${orderService}/GetOrder
  buf curl --http2-prior-knowledge -d '{"customer_id":"c-1","page_size":5}' http://${api}/${orderService}/ListOrders
  grpcurl -plaintext -d '{"order_id":"o-2"}' ${api} ${orderService}/GetOrderHistory

Ask the enrichment API
  grpcurl -plaintext ${stub} list
  grpcurl -plaintext -d '{"customer_id":"c-1"}' ${stub} orderflow.enrichment.v1.CustomerService/GetCustomer
  curl -s -H 'content-type: application/json' -d '{"skus":["LAPTOP001"]}' http://${stub}/orderflow.enrichment.v1.ProductService/BatchGetProducts
  buf curl --http2-prior-knowledge -d '{"product_id":"p-2"}' http://${stub}/orderflow.enrichment.v1.ProductService/GetProduct

Make it misbehave, and back
  grpcurl -plaintext -d '{"fault":{"method":"BatchGetCustomers","kind":"KIND_REFUSE"}}' ${stub} orderflow.testing.v1.FaultService/SetFault
  curl -s ${worker}/metrics | grep -E 'breaker|paused'
  grpcurl -plaintext ${stub} orderflow.testing.v1.FaultService/ClearFaults

Data is kept in ${where(stack.dir)}, logs are in ${where(stack.dir)}/logs. \`pnpm stack reset\` deletes both.
The enrichment stub stands in for the customer and product services; ${standIn(stack)}
Ctrl-C stops everything.
`);
}

function standIn(stack: Stack): string {
  const { mongo } = stack.parts;
  return mongo.external || !mongo.server.includes('wire server')
    ? 'everything else is the real thing.'
    : 'a small server that speaks its protocol stands in for MongoDB (a mongod on PATH is used instead).';
}
