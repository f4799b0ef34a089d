// A server of the contracts as they may be tomorrow, for clients that were generated today.
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromJson,
  type JsonObject,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { createRpcServer } from '@orderflow/rpc';
import { createHealth, createLogger } from '@orderflow/runtime';
import { changed, contractChanges, exportedDescriptors } from './contract-changes.ts';

/** A running server. */
export interface TomorrowServer extends AsyncDisposable {
  readonly url: string;
}

/** The order that it knows. Today's clients know neither its state nor `giftNote`. */
export const tomorrowsOrder = {
  orderId: 'o-tomorrow',
  customerId: 'c-1',
  state: 'STATE_ARCHIVED',
  lines: [{ sku: 'MOUSE001', quantity: '2' }],
  total: { currencyCode: 'USD', units: '159', nanos: 980_000_000 },
  version: '7',
  giftNote: 'for Ada',
} satisfies JsonObject;

/** The reason of the error about any other order; today's clients do not know it, nor the type of its second detail. */
export const tomorrowsReason = 'ORDER_ARCHIVED';

/** What OrderCancelled says tomorrow. Today's readers know neither its reason nor `giftNote`. */
export const tomorrowsCancel = {
  orderId: 'o-tomorrow',
  version: '3',
  reason: 'CANCEL_REASON_FRAUD',
  giftNote: 'for Ada',
} satisfies JsonObject;

/** The contracts with every change that is accepted. */
export async function tomorrowsContract(): Promise<FileDescriptorSet> {
  const accepted = contractChanges.filter(({ isAccepted }) => isAccepted);
  return changed(await exportedDescriptors(), accepted);
}

/** The value of the event {@link tomorrowsCancel}. */
export function encodeTomorrowsCancel(contract: FileDescriptorSet): Uint8Array {
  const desc = createFileRegistry(contract).getMessage('orderflow.order.event.v1.OrderCancelled');
  if (!desc) throw new Error('the contract has no OrderCancelled');
  return toBinary(desc, fromJson(desc, tomorrowsCancel));
}

/** Serves GetOrder and WatchOrder of OrderService, as `contract` describes them. */
export async function serveTomorrow(contract: FileDescriptorSet): Promise<TomorrowServer> {
  const registry = createFileRegistry(contract);
  const service = registry.getService('orderflow.order.v1.OrderService');
  const messageOf = (name: string): DescMessage => {
    const found = registry.getMessage(name);
    if (!found) throw new Error(`the contract has no message ${name}`);
    return found;
  };
  if (!service) throw new Error('the contract has no OrderService');
  const response = (name: string) => fromJson(messageOf(name), { order: tomorrowsOrder }, { registry });
  const handlers: Record<string, unknown> = {
    async getOrder({ orderId }: Message & { readonly orderId?: string }) {
      if (orderId === tomorrowsOrder.orderId) return response('orderflow.order.v1.GetOrderResponse');
      throw archived(messageOf);
    },
    async *watchOrder() {
      yield response('orderflow.order.v1.WatchOrderResponse');
    },
  };
  const server = createRpcServer({
    service: 'tomorrow',
    host: '127.0.0.1',
    port: 0,
    services: [service],
    routes: (router) => router.service(service, handlers as Partial<ServiceImpl<typeof service>>),
    health: createHealth([]),
    prometheus: async () => '',
    logger: createLogger({ service: 'tomorrow', level: 'fatal' }),
    // Errors are sent as they are made here, also with a reason that is declared nowhere.
    policies: { declaredReasons: false, accessRules: false },
    drainMs: 0,
    graceMs: 0,
  });
  await server.start();
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

function archived(messageOf: (name: string) => DescMessage): ConnectError {
  const info = messageOf('google.rpc.ErrorInfo');
  const event = messageOf('orderflow.order.event.v1.OrderArchived');
  return new ConnectError('the order is archived', Code.NotFound, undefined, [
    { desc: info, value: create(info, { reason: tomorrowsReason, domain: 'orderflow' } as never) },
    { desc: event, value: create(event, { orderId: 'o-1' } as never) },
  ]);
}
