import {
  type Client,
  Code,
  ConnectError,
  type ContextValues,
  createClient,
  createContextKey,
  createContextValues,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { settings as cliSettings } from '@orderflow/cli/config';
import { run as runOrders } from '@orderflow/cli/run';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { readPerson } from '@orderflow/identity-stub/domain/person';
import { accessRule } from '@orderflow/rpc';
import { loadConfig } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing/eventually';
import { clientEnv, type System } from './system.ts';
import { createPersonTokens, type Person } from './tokens.ts';

/** The clients of a whole system. */
export interface Clients {
  readonly orders: Client<typeof OrderService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly payments: Client<typeof PaymentService>;
  readonly gateway: Client<typeof GatewayService>;
  readonly gatewayFaults: Client<typeof FaultService>;
}

/**
 * Creates clients, over HTTP/1.1, or HTTP/2 for gRPC; the services need not be running yet. Where the system requires
 * tokens, calls have that of the customer in their request, or of an operator; see {@link callAs}.
 */
export function clientsOf({ services, env }: System, protocol: 'connect' | 'grpc' = 'connect'): Clients {
  const interceptors = tokenInterceptors(env);
  const transport = (name: keyof System['services']) => {
    const options = { baseUrl: services[name].url, defaultTimeoutMs: 10_000, interceptors };
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

const personKey = createContextKey<Person | undefined>(undefined, { description: 'whose token a call has' });

/** Options of a call that has the token of this person, where the system requires tokens. */
export function callAs(person: Person): { contextValues: ContextValues } {
  return { contextValues: createContextValues().set(personKey, person) };
}

const operator: Person = { role: 'operator', subject: 'local' };

/** Interceptors of calls to a system with these variables: none where it requires no tokens. */
export function tokenInterceptors({ AUTH_ISSUER: issuer }: System['env']): Interceptor[] {
  return issuer ? [withTokens(issuer)] : [];
}

/** Gives calls the token of a person, unless they have a token. */
function withTokens(issuer: string): Interceptor {
  const tokenOf = createPersonTokens(issuer);
  return (next) => async (request) => {
    if (!request.header.has('authorization')) {
      const person = request.contextValues.get(personKey) ?? customerIn(request) ?? operator;
      request.header.set('authorization', `Bearer ${await tokenOf(person)}`);
    }
    return next(request);
  };
}

/** The customer for whom a call is made; undefined where no customer may make it, or no token can have this id. */
function customerIn(request: UnaryRequest | StreamRequest): Person | undefined {
  const { customerField } = accessRule(request.method);
  if (request.stream || customerField === undefined) return undefined;
  const subject = (request.message as unknown as Record<string, unknown>)[customerField.localName];
  const person = readPerson({ role: 'customer', subject });
  return typeof person === 'string' ? undefined : person;
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

/** Runs `pnpm orders …` on a system with these variables; returns its output and the exit code. */
export async function ordersCommand(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<{ code: number; said: string }> {
  const said: string[] = [];
  const client = env['AUTH_ISSUER'] ? clientEnv('orders-cli') : {};
  const code = await runOrders(args, loadConfig(cliSettings, { ...env, ...client }), {
    print: (text) => void said.push(text),
    note: (text) => void said.push(text),
    signal: new AbortController().signal,
  });
  return { code, said: said.join('\n') };
}
