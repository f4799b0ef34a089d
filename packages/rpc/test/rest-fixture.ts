import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { type DescMethod, type MessageShape, toJson } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { errorsOf, type RpcServerOptions } from '../src/index.ts';
import { startServer } from './fixture.ts';

const noSuch = { code: Code.NotFound, status: 404, description: 'There is none.' };
const notNow = { code: Code.FailedPrecondition, status: 409, description: 'It is in another state.' };

/** Every reason that the contract names. */
export const reasons = {
  ...{ CUSTOMER_NOT_FOUND: noSuch, PRODUCT_NOT_FOUND: noSuch, PAYMENT_NOT_FOUND: noSuch },
  ...{ RESERVATION_NOT_FOUND: noSuch, CUSTOMER_ALREADY_EXISTS: notNow, ORDER_NEEDS_NO_ATTENTION: notNow },
  ...{ STOCK_BELOW_RESERVED: notNow, PAYMENT_NOT_REFUNDABLE: notNow, PAYMENT_NOT_REFUSED: notNow },
  ORDER_NOT_FOUND: { code: Code.NotFound, status: 404, description: 'No order has this id.' },
  ORDER_NOT_CANCELLABLE: { code: Code.FailedPrecondition, status: 409, description: 'It is paid.' },
  ORDER_REFUSED: {
    code: Code.FailedPrecondition,
    status: 422,
    errorByViolation: { OUT_OF_STOCK: 'insufficient_inventory' },
    description: 'It would be rejected.',
  },
  VERSION_MISMATCH: { code: Code.Aborted, status: 412, description: 'It has changed.' },
};
const failed = errorsOf(reasons);

/** An order that is refused for a reason of each of these types, one a line. */
function refused(...types: string[]) {
  const violations = types.map((type, line) => ({
    type,
    subject: `lines[${line}].quantity`,
    description: 'available: 15',
  }));
  return failed('ORDER_REFUSED', 'the order would be rejected', { violations: String(types.length) }, [
    { desc: PreconditionFailureSchema, value: { violations } },
  ]);
}

const time = timestampFromDate(new Date('2026-11-29T09:00:00Z'));
const order = {
  orderId: 'o-1',
  customerId: 'c-1',
  state: Order_State.COMPLETED,
  lines: [
    {
      reference: { case: 'productId', value: 'p-1' } as const,
      quantity: 2n,
      unitPrice: toMoney(129_999n, 'USD'),
    },
  ],
  total: toMoney(280_798n, 'USD'),
  version: 4n,
  createTime: time,
};

/** A call that a handler got: the method, and its request as JSON. */
export type RecordedCall = readonly [method: string, request: unknown];

/** The services of orderflow with handlers that record their calls; ids choose what they do. */
export function recordingServices(): { routes(router: ConnectRouter): void; calls: RecordedCall[] } {
  const calls: RecordedCall[] = [];
  const record = <M extends DescMethod>(method: M, request: MessageShape<M['input']>) =>
    void calls.push([method.name, toJson(method.input, request)]);
  const { method: orders } = OrderService;
  const { method: customers } = CustomerService;
  const { method: products } = ProductService;
  const { method: inventory } = InventoryService;
  const { method: payments } = PaymentService;
  const { method: notifications } = NotificationService;

  return {
    calls,
    routes(router) {
      router.service(OrderService, {
        getOrder(request) {
          record(orders.getOrder, request);
          switch (request.orderId) {
            case 'missing':
              throw failed('ORDER_NOT_FOUND', 'no order has the id missing', { order_id: 'missing' });
            case 'bug':
              throw new TypeError('secret text of a bug');
            case 'paid':
              throw failed('ORDER_NOT_CANCELLABLE', 'the order is paid', { state: 'CONFIRMED' });
            case 'refused':
              throw refused('PRODUCT_NOT_FOUND', 'OUT_OF_STOCK');
            case 'short':
              throw refused('OUT_OF_STOCK', 'OUT_OF_STOCK');
            case 'very-short':
              throw refused(...Array<string>(150).fill('OUT_OF_STOCK'));
            case 'unknown-product':
              throw refused('PRODUCT_NOT_FOUND');
            case 'nothing':
              return {};
            case 'debt':
              return { order: { total: toMoney(-5n, 'USD'), version: 9_007_199_254_740_993n } };
            default:
              return { order: { ...order, orderId: request.orderId } };
          }
        },
        createOrder(request) {
          record(orders.createOrder, request);
          return { order: { ...order, orderId: request.orderId } };
        },
        getOrderStatus(request) {
          record(orders.getOrderStatus, request);
          return { orderId: request.orderId, status: Order_State.PENDING, updateTime: time };
        },
        listOrders(request) {
          record(orders.listOrders, request);
          return { orders: request.customerId === 'nobody' ? [] : [{ orderId: 'o-1', state: order.state }] };
        },
        cancelOrder(request) {
          record(orders.cancelOrder, request);
          return { order: { orderId: request.orderId, state: Order_State.CANCELLING } };
        },
        getOrderHistory(request) {
          record(orders.getOrderHistory, request);
          return { transitions: [{ revision: 1n, state: Order_State.PENDING, cause: 'CreateOrder' }] };
        },
      });
      router.service(CustomerService, {
        getCustomer(request) {
          record(customers.getCustomer, request);
          return { customer: { customerId: request.customerId, name: 'Ann', active: false } };
        },
        batchGetCustomers(request) {
          record(customers.batchGetCustomers, request);
          return { customers: [], notFoundCustomerIds: request.customerIds };
        },
        listCustomers(request) {
          record(customers.listCustomers, request);
          return {};
        },
        createCustomer(request) {
          record(customers.createCustomer, request);
          return request.customer ? { customer: request.customer } : {};
        },
        updateCustomer(request) {
          record(customers.updateCustomer, request);
          return request.customer ? { customer: request.customer } : {};
        },
        putCustomer(request) {
          record(customers.putCustomer, request);
          if (request.customer === undefined) return {};
          const { customerId, name, email, address, active = true, version } = request.customer;
          if (version === 7n) throw failed('VERSION_MISMATCH', 'the customer has changed');
          return { customer: { customerId, name, email, address, active, version } };
        },
      });
      router.service(ProductService, {
        getProduct(request) {
          record(products.getProduct, request);
          return { product: { productId: 'p-1', price: toMoney(7_999n, 'USD'), state: 1 } };
        },
        batchGetProducts(request) {
          record(products.batchGetProducts, request);
          return { notFoundSkus: request.skus };
        },
      });
      router.service(InventoryService, {
        getStock(request) {
          record(inventory.getStock, request);
          return { stock: { productId: request.productId, onHand: 15n, available: 15n } };
        },
        listStock(request) {
          record(inventory.listStock, request);
          return {};
        },
        setStock(request) {
          record(inventory.setStock, request);
          const { productId, onHand = 0n } = request;
          return { stock: { productId, onHand } };
        },
      });
      router.service(PaymentService, {
        getPayment(request) {
          record(payments.getPayment, request);
          return { payment: { paymentId: request.paymentId, state: 2, failReason: 1 } };
        },
        getPaymentByOrder(request) {
          record(payments.getPaymentByOrder, request);
          return { payment: { orderId: request.orderId } };
        },
        listPayments(request) {
          record(payments.listPayments, request);
          return {};
        },
      });
      router.service(NotificationService, {
        sendNotification(request) {
          record(notifications.sendNotification, request);
          const { customerId, subject } = request;
          return { notification: { notificationId: 'n-1', kind: 6, customerId, state: 1, subject } };
        },
        getNotification(request) {
          record(notifications.getNotification, request);
          return { notification: { notificationId: request.notificationId, kind: 1, state: 4, attempts: 1 } };
        },
        listNotifications(request) {
          record(notifications.listNotifications, request);
          return {};
        },
      });
    },
  };
}

/** A started server with these services. */
export async function startRestServer(overrides: Partial<RpcServerOptions> = {}) {
  const { routes, calls } = recordingServices();
  const started = await startServer({
    routes,
    services: [
      OrderService,
      CustomerService,
      ProductService,
      InventoryService,
      PaymentService,
      NotificationService,
    ],
    reasons,
    ...overrides,
  });
  return { ...started, calls };
}

/** A request as it goes onto the wire: nothing of its path is changed, as `fetch` would. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A response with its body, parsed if it is JSON. */
export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** Sends a request over HTTP/1.1. */
export function send(port: number, request: RawRequest): Promise<RawResponse> {
  const { method, path, body } = request;
  const headers = {
    // Node does not say it for methods that rarely have a body.
    ...(body !== undefined &&
      !request.headers?.['transfer-encoding'] && { 'content-length': Buffer.byteLength(body) }),
    ...request.headers,
  };
  return new Promise((resolve, reject) => {
    const req = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (res) => {
      text(res).then((sent) => {
        const isJson = /json$/.test(res.headers['content-type'] ?? '');
        const parsed = isJson && sent !== '' ? (JSON.parse(sent) as unknown) : sent;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: parsed });
      }, reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}
