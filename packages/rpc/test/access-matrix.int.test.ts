import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { Code, ConnectError, type ServiceImpl, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { access, Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { CatalogService } from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { errorReason } from '../src/index.ts';
import { routesOfMethod } from '../src/rest/routes.ts';
import { forgedTokens, newKey, signToken, startIssuer } from './access-fixture.ts';
import { startServer } from './fixture.ts';
import { send } from './rest-fixture.ts';

// CatalogService has paths that ProductService has, too; it is served by a server of its own.
const servers = [
  [
    OrderService,
    CustomerService,
    ProductService,
    InventoryService,
    PaymentService,
    NotificationService,
    GatewayService,
    FaultService,
  ],
  [CatalogService],
] as const;

type Outcome = 'passed' | 'UNAUTHENTICATED' | 'PERMISSION_DENIED' | 'no call';

/** What a token is, and whose objects the call asks for. */
interface Cell {
  readonly token: string | undefined;
  /** Undefined: the token is no good. */
  readonly roles?: readonly Role[];
  readonly asksFor?: string;
  /** It has more headers than HTTP allows here, and so becomes no call. */
  readonly isNoCall?: true;
}

async function startAll() {
  const [key, old, stranger] = await Promise.all([newKey('now'), newKey('old'), newKey('stranger', 'RS256')]);
  const { state, tokens } = await startIssuer(key);
  state.keys = [key, old];
  const started = await Promise.all(
    servers.map((services) =>
      startServer({
        tokens,
        services,
        routes(router) {
          for (const service of services) {
            const methods = service.methods.map(({ localName, methodKind }) => [
              localName,
              methodKind === 'unary' ? () => ({}) : async function* () {},
            ]);
            router.service(service, Object.fromEntries(methods) as Partial<ServiceImpl<typeof service>>);
          }
        },
      }),
    ),
  );

  const claims = (role: string, sub = 'c-1') => ({ sub, roles: [role] });
  const sign = (says: Parameters<typeof signToken>[2]) => signToken(key, state.now, says);
  // The key is taken out of the set, which the server notices when the keys that it has are no longer fresh.
  const byOldKey = () => sign({ claims: claims('operator'), key: old });
  await tokens.read(await byOldKey());
  state.keys = [key];
  state.now += 11 * 60_000;
  await eventually(async () => {
    await expect(async () => tokens.read(await byOldKey())).rejects.toThrow('no such key');
  });

  const forged = await forgedTokens(key, state.now, claims('operator'));
  const customer = await sign({ claims: claims('customer') });
  const operator = claims('operator');
  const cells: Record<string, Cell> = {
    'no token': { token: undefined },
    malformed: { token: 'not.a.token' },
    expired: { token: await sign({ claims: operator, expiresIn: -31 }) },
    'not valid yet': { token: await sign({ claims: { ...operator, nbf: state.now / 1000 + 60 } }) },
    'wrong issuer': { token: await sign({ claims: { ...operator, iss: 'https://other.example' } }) },
    'wrong audience': { token: await sign({ claims: { ...operator, aud: 'another' } }) },
    'without a signature': { token: forged.none },
    'signed with the public key as a secret': { token: forged.confused },
    'unknown key': { token: await sign({ claims: operator, key: stranger }) },
    'a key of another, by our id': {
      token: await sign({ claims: operator, key: { ...stranger, kid: 'now' } }),
    },
    'a key that was taken out': { token: await byOldKey() },
    '9 KB': { token: await sign({ claims: { ...operator, padding: 'x'.repeat(9_000) } }) },
    '70 KB': {
      token: await sign({ claims: { ...operator, padding: 'x'.repeat(70_000) } }),
      isNoCall: true,
    },
    'without a subject': { token: await sign({ claims: { roles: ['operator'] } }) },
    'without an end': { token: await sign({ claims: operator, expiresIn: undefined }) },
    'without a role': { token: await sign({ claims: { sub: 'c-1' } }), roles: [] },
    'a role of another': { token: await sign({ claims: claims('OPERATOR') }), roles: [] },
    'customer on its own': { token: customer, roles: [Role.CUSTOMER], asksFor: 'c-1' },
    "customer on another's": { token: customer, roles: [Role.CUSTOMER], asksFor: 'c-2' },
    'customer who names none': { token: customer, roles: [Role.CUSTOMER], asksFor: '' },
    operator: { token: await sign({ claims: operator }), roles: [Role.OPERATOR], asksFor: 'c-2' },
    service: { token: await sign({ claims: claims('service') }), roles: [Role.SERVICE], asksFor: 'c-2' },
    'operator who is a customer, too': {
      token: await sign({ claims: { sub: 'c-1', roles: ['customer', 'operator'] } }),
      roles: [Role.CUSTOMER, Role.OPERATOR],
      asksFor: 'c-2',
    },
  };
  return { started, cells };
}

/** What the contract says, read without the code under test. */
function expected(method: DescMethod, { roles, asksFor, isNoCall }: Cell): Outcome {
  const { roles: allowed, own } = getOption(method, access);
  if (isNoCall) return 'no call';
  if (roles === undefined) return 'UNAUTHENTICATED';
  if (!roles.some((role) => allowed.includes(role))) return 'PERMISSION_DENIED';
  const isOnlyCustomer = roles.every((role) => role === Role.CUSTOMER);
  const isOfAnother = own.case === 'customerField' && asksFor === 'c-2';
  return isOnlyCustomer && isOfAnother ? 'PERMISSION_DENIED' : 'passed';
}

function outcomeOf(reason: string | undefined): Outcome {
  return reason === 'UNAUTHENTICATED' || reason === 'PERMISSION_DENIED' ? reason : 'passed';
}

function customerFieldOf(method: DescMethod): string | undefined {
  const { own } = getOption(method, access);
  return own.case === 'customerField' ? own.value : undefined;
}

async function overRpc(
  transport: Transport,
  method: DescMethod,
  { token, asksFor, isNoCall }: Cell,
): Promise<Outcome> {
  const field = customerFieldOf(method);
  const localName = method.input.fields.find(({ name }) => name === field)?.localName;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const request = localName ? { [localName]: asksFor ?? '' } : {};
  try {
    if (method.methodKind === 'unary') {
      await transport.unary(method as never, undefined, undefined, headers, request);
    } else {
      const requests = (async function* () {
        yield request;
      })();
      const response = await transport.stream(method as never, undefined, undefined, headers, requests);
      for await (const _ of response.message);
    }
    return 'passed';
  } catch (error) {
    const reason = errorReason(error);
    if (isNoCall && (reason === undefined || reason === 'MESSAGE_TOO_LARGE')) return 'no call';
    if (reason === undefined || ConnectError.from(error).code === Code.Unknown) throw error;
    return outcomeOf(reason);
  }
}

/** Undefined: the path cannot ask for this. */
async function overRest(port: number, method: DescMethod, route: number, { token, asksFor }: Cell) {
  const { httpMethod, template, body } = routesOfMethod(method)[route] ?? {};
  const field = customerFieldOf(method);
  const isInPath = template?.includes(`{${field}}`) ?? false;
  if (isInPath && asksFor === '') return undefined;
  const query = field && !isInPath && !body && asksFor ? `?${field}=${asksFor}` : '';
  const path = template?.replace(`{${field}}`, asksFor ?? 'c-1').replaceAll(/\{[\w.]+\}/g, 'x-1');
  const response = await send(port, {
    method: httpMethod ?? '',
    path: `${path}${query}`,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(field && !isInPath ? { [field]: asksFor ?? '' } : {}) }),
  });
  if (response.status === 431) return 'no call';
  const isRefused = response.status === 401 || response.status === 403;
  if (response.status === 401) expect(response.headers['www-authenticate']).toMatch(/^Bearer/);
  const { error = '' } = response.body as { error?: string };
  expect(isRefused).toBe(outcomeOf(error.toUpperCase()) !== 'passed');
  return outcomeOf(error.toUpperCase());
}

test('every method and every path lets those in whom its contract names, and no others', async () => {
  const { started, cells } = await startAll();
  const wrong: string[] = [];
  let checked = 0;
  function check(
    outcome: Outcome | undefined,
    method: DescMethod,
    name: string,
    cell: Cell,
    way: string,
  ): void {
    if (outcome === undefined) return;
    checked += 1;
    const should = expected(method, cell);
    if (outcome !== should) wrong.push(`${method.name}, ${name}, ${way}: ${outcome}, not ${should}`);
  }

  for (const [at, services] of servers.entries()) {
    const { url, port } = started[at] as (typeof started)[number];
    const transports = {
      gRPC: createGrpcTransport({ baseUrl: url }),
      Connect: createConnectTransport({ baseUrl: url, httpVersion: '1.1', useBinaryFormat: false }),
    };
    for (const method of services.flatMap((service) => service.methods)) {
      for (const [name, cell] of Object.entries(cells)) {
        for (const [way, transport] of Object.entries(transports)) {
          check(await overRpc(transport, method, cell), method, name, cell, way);
        }
        for (const [route, { template }] of routesOfMethod(method).entries()) {
          check(await overRest(port, method, route, cell), method, name, cell, `REST ${template}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(checked).toBeGreaterThan(2_400);
});
