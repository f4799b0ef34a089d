import type { StackUrls } from '@orderflow/devstack';
import { clientEnv, type System } from '../src/system.ts';

const orderService = 'orderflow.order.v1.OrderService';
const products = 'orderflow.enrichment.v1.ProductService';
const orderJson =
  '{"orderId":"o-1","customerId":"c-1","products":[{"productId":"p-1","name":"Laptop","price":1299.99}]}';
const json = `-H 'content-type: application/json'`;

/** A command that prints a token; `-s`: and nothing else. */
export const tokenCommand = 'npx -y pnpm@12 -s dev token';

/** The lines to paste that `pnpm dev` prints, with tokens where the system requires them. */
export function linesToPaste({ services, env }: System, stores: StackUrls): string {
  const customers = new URL(env['CUSTOMER_API_URL'] ?? '').host;
  const catalogue = new URL(env['PRODUCT_API_URL'] ?? '').host;
  const stub = new URL(services['enrichment-stub'].url).host;
  const api = new URL(services['order-api'].url).host;
  const worker = services['order-worker'].url;
  const brokers = stores.KAFKA_BROKERS;
  const hasAccess = env['AUTH_ISSUER'] !== '';
  const tokenOf = (person: string) =>
    hasAccess ? ` -H "authorization: Bearer $(${tokenCommand} ${person})"` : '';
  const customer = tokenOf('customer c-1');
  const operator = tokenOf('operator');

  // An API of your own has no faults.
  const faultLines = `

Make it misbehave, and back
  grpcurl -plaintext${operator} -d '{"fault":{"method":"BatchGetCustomers","kind":"KIND_REFUSE"}}' ${stub} orderflow.testing.v1.FaultService/SetFault
  curl -s ${worker}/metrics | grep -E 'breaker|paused'
  grpcurl -plaintext${operator} ${stub} orderflow.testing.v1.FaultService/ClearFaults`;

  return `${hasAccess ? accessLines(env) : accessIsOff}

Send an order, and see it
  npx -y pnpm@12 orders send --id first --customer c-1 --sku MOUSE001=2 --wait
  npx -y pnpm@12 orders show first
  echo '${orderJson}' | kcat -P -b ${brokers} -t orders
  kcat -C -b ${brokers} -t order-events -o beginning -e -f '%k  %h\\n'
  mongosh ${stores.MONGO_URL}/orderflow --eval 'db.orders.findOne({_id: "o-1"})'
  psql ${stores.POSTGRES_URL}/order_service -c "select * from order_history where order_id = 'o-1'"
  redis-cli -u ${stores.REDIS_URL} --scan --pattern 'enrichment:*'
  kcat -C -b ${brokers} -t orders.order-worker.dlq -o beginning -e -f '%h\\n'

Order over REST, and look at it
  curl -s${customer} ${json} -d '{"order_id":"o-3","customer_id":"c-1","items":[{"sku":"MOUSE001","quantity":2}]}' http://${api}/orders
  curl -s${customer} http://${api}/orders/o-3/status
  curl -s${customer} 'http://${api}/products?sku=MOUSE001'
  http://${api}/docs describes all paths

See the customer's mails
  curl -s${operator} 'http://${api}/notifications?order_id=o-3'

Order on a web page, http://localhost:5173, and watch it
  npx -y pnpm@12 web

Order over RPC, and look at it
  grpcurl -plaintext${customer} -d '{"order_id":"o-2","customer_id":"c-1","lines":[{"sku":"LAPTOP001","quantity":1}],"request_id":"r-1"}' ${api} ${orderService}/CreateOrder
  curl -s${customer} ${json} -d '{"orderId":"o-2"}' http://${api}/${orderService}/GetOrder
  buf curl --http2-prior-knowledge${customer} -d '{"customer_id":"c-1","page_size":5}' http://${api}/${orderService}/ListOrders
  grpcurl -plaintext${customer} -d '{"order_id":"o-2"}' ${api} ${orderService}/GetOrderHistory

Ask the enrichment API
  grpcurl -plaintext ${customers} list
  grpcurl -plaintext${customer} -d '{"customer_id":"c-1"}' ${customers} orderflow.enrichment.v1.CustomerService/GetCustomer
  curl -s${customer} ${json} -d '{"skus":["LAPTOP001"]}' http://${catalogue}/${products}/BatchGetProducts
  buf curl --http2-prior-knowledge${customer} -d '{"product_id":"p-2"}' http://${catalogue}/${products}/GetProduct${customers === stub ? faultLines : ''}`;
}

const accessIsOff =
  'Access is off: every program on this machine may call everything. `pnpm dev --auth` requires tokens.';

function accessLines({ AUTH_ISSUER: issuer }: System['env']): string {
  const { AUTH_CLIENT_ID, AUTH_CLIENT_SECRET } = clientEnv('orders-cli');
  return `Access is on: every call needs a token of the identity stub; these commands print one
  ${tokenCommand} customer c-1
  ${tokenCommand} operator ann
  export AUTH_ISSUER=${issuer} AUTH_CLIENT_ID=${AUTH_CLIENT_ID} AUTH_CLIENT_SECRET=${AUTH_CLIENT_SECRET}   # for npx -y pnpm@12 orders …`;
}
