import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { settings as cliSettings } from '@orderflow/cli/config';
import { run as runOrders } from '@orderflow/cli/run';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { loadConfig } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing/eventually';
import type { System } from './system.ts';

/** The clients of a whole system. */
export interface Clients {
  readonly orders: Client<typeof OrderService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly payments: Client<typeof PaymentService>;
  readonly gateway: Client<typeof GatewayService>;
  readonly gatewayFaults: Client<typeof FaultService>;
}

/** The clients of a system, over HTTP/1.1, or HTTP/2 for gRPC; `order-api` and the others need not run yet. */
export function clientsOf({ services }: System, protocol: 'connect' | 'grpc' = 'connect'): Clients {
  const transport = (name: keyof System['services']) => {
    const options = { baseUrl: services[name].url, defaultTimeoutMs: 10_000 };
    return protocol === 'grpc'
      ? createGrpcTransport(options)
      : createConnectTransport({ ...options, httpVersion: '1.1' });
  };
  return {
    orders: createClient(OrderService, transport('order-api')),
    inventory: createClient(InventoryService, transport('inventory')),
    payments: createClient(PaymentService, transport('payment')),
    gateway: createClient(GatewayService, transport('payment-gateway-stub')),
    gatewayFaults: createClient(FaultService, transport('payment-gateway-stub')),
  };
}

/** Errors after which nobody can say whether the call took effect. */
const unknownOutcomes = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Canceled,
  Code.Aborted,
  Code.Unknown,
]);

/** Repeats a call that may be repeated until its outcome is known, an answer or a refusal. */
export async function untilKnown<T>(call: () => Promise<T>): Promise<T> {
  const known = await eventually(
    async () => {
      try {
        return { answer: await call() };
      } catch (error) {
        const refusal = ConnectError.from(error);
        // What does not come from the server is about the connection, whatever its code.
        if (!refusal.isWireError || unknownOutcomes.has(refusal.code)) throw error;
        return { refusal };
      }
    },
    { timeoutMs: 60_000, intervalMs: 100 },
  );
  if ('refusal' in known) throw known.refusal;
  return known.answer;
}

/** Runs `pnpm orders …` on a system; what it said comes back with the exit code. */
export async function ordersCommand(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<{ code: number; said: string }> {
  const said: string[] = [];
  const code = await runOrders(args, loadConfig(cliSettings, { ...env }), {
    print: (text) => void said.push(text),
    note: (text) => void said.push(text),
    signal: new AbortController().signal,
  });
  return { code, said: said.join('\n') };
}
