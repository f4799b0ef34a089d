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

/** Creates clients, over HTTP/1.1, or HTTP/2 for gRPC; the services need not be running yet. */
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

/** Errors after which the outcome of the call is unknown. */
const unknownOutcomes = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Canceled,
  Code.Aborted,
  Code.Unknown,
]);

/** Repeats a repeatable call until its outcome is known: a response or a refusal. */
export async function untilKnown<T>(call: () => Promise<T>): Promise<T> {
  const known = await eventually(
    async () => {
      try {
        return { response: await call() };
      } catch (error) {
        const refusal = ConnectError.from(error);
        // An error that is not from the server concerns the connection, whatever its code.
        if (!refusal.isWireError || unknownOutcomes.has(refusal.code)) throw error;
        return { refusal };
      }
    },
    { timeoutMs: 60_000, intervalMs: 100 },
  );
  if ('refusal' in known) throw known.refusal;
  return known.response;
}

/** Runs `pnpm orders …` on a system; returns its output and the exit code. */
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
