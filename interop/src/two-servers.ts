import { type Client, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { BadRequestSchema } from '@orderflow/contracts/google/rpc/error_details';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { createTestSystem, type TestSystem } from '@orderflow/e2e/test-system';
import { createPersonTokens, type Person } from '@orderflow/local/tokens';
import { errorInfo } from '@orderflow/rpc';
import { expect } from 'vitest';
import { buildGo } from './go.ts';

/** A server of the enrichment contract. */
export interface Side {
  readonly system: TestSystem;
  readonly customers: Client<typeof CustomerService>;
  readonly products: Client<typeof ProductService>;
}

/** The enrichment stub and the API in Go, each with stores of its own, and one identity stub for both. */
export interface TwoServers extends AsyncDisposable {
  readonly go: Side;
  /** Makes the same call of both, and expects the same outcome, which is returned. */
  same(call: (side: Side) => Promise<object>): Promise<unknown>;
  /** Options of a call with the token of a person, and other headers. */
  as(person: Person, headers?: Record<string, string>): Promise<{ headers: Record<string, string> }>;
}

/** As many as fit into headers for sure; metadata has the number of all. */
const comparedViolations = 10;

/** More calls a second than one caller may make otherwise. */
const noRateLimit = { RATE_LIMIT: 'off' };

/** Starts both. */
export async function startTwoServers(): Promise<TwoServers> {
  const { enrichmentServer } = await buildGo();
  const stubSystem = await createTestSystem(
    'contract-stub',
    { ...noRateLimit, ENRICHMENT_SERVER: '' },
    { auth: true },
  );
  const issuer = stubSystem.env['AUTH_ISSUER'] ?? '';
  const goSystem = await createTestSystem('contract-go', {
    ENRICHMENT_SERVER: enrichmentServer,
    AUTH_ISSUER: issuer,
  });
  await Promise.all([stubSystem, goSystem].map((system) => system.start(['enrichment-stub'])));
  const sides = { stub: sideOf(stubSystem), go: sideOf(goSystem) };
  const tokenOf = createPersonTokens(issuer);
  return {
    go: sides.go,
    async same(call) {
      const expected = await outcome(call(sides.stub));
      expect(await outcome(call(sides.go))).toEqual(expected);
      return expected;
    },
    async as(person, headers) {
      return { headers: { ...headers, authorization: `Bearer ${await tokenOf(person)}` } };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([stubSystem, goSystem].map((system) => system[Symbol.asyncDispose]()));
    },
  };
}

function sideOf(system: TestSystem) {
  const transport = createGrpcTransport({ baseUrl: system.services['enrichment-stub'].url });
  return {
    system,
    customers: createClient(CustomerService, transport),
    products: createClient(ProductService, transport),
  };
}

/** A response, or an error with all of its details, without what differs from server to server: times. */
async function outcome(call: Promise<object>): Promise<unknown> {
  try {
    return comparable(await call);
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    const info = errorInfo(error);
    const violations = ConnectError.from(error)
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field, reason }) => `${field}: ${reason}`));
    // Of invalid requests the text is that of each language's validator, which also decides how many fit.
    const message = violations.length > 0 ? '' : rawMessage;
    return { code, message, ...info, violations: violations.slice(0, comparedViolations) };
  }
}

function comparable(message: object): unknown {
  return JSON.parse(
    JSON.stringify(message, (key, value: unknown) => {
      if (key === 'createTime' || key === 'updateTime') return 'a time';
      if (typeof value === 'bigint') return `${value}n`;
      // Contracts leave the order of batches open.
      if (key === 'customers' || key === 'products') return (value as object[]).toSorted(byId);
      return value;
    }),
  );
}

type Item = { readonly customerId?: string; readonly productId?: string };

function byId(a: Item, b: Item): number {
  const [first = '', second = ''] = [a, b].map(({ customerId, productId }) => customerId ?? productId);
  return first < second ? -1 : 1;
}
