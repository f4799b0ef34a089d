import {
  clone,
  create,
  createFileRegistry,
  type DescService,
  type MessageInitShape,
  setExtension,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, MethodOptionsSchema } from '@bufbuild/protobuf/wkt';
import { http } from '@orderflow/contracts/google/api/annotations';
import { HttpRuleSchema } from '@orderflow/contracts/google/api/http';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { CatalogService } from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePathTemplate, type Segment } from '../src/rest/path-template.ts';
import { createRouteTable } from '../src/rest/route-table.ts';
import { routesOf } from '../src/rest/routes.ts';

describe('the route of a path', () => {
  const literal = fc.constantFrom('orders', 'customer', 'a', 'b:c', 'a.b');
  const segment = fc.oneof(
    literal.map((literal): Segment => ({ literal })),
    fc.constantFrom('x', 'y.z').map((variable): Segment => ({ variable })),
  );
  const template = fc.array(segment, { minLength: 1, maxLength: 4 });
  const sent = fc.oneof(literal, fc.string({ minLength: 1, unit: 'grapheme' }));

  const formOf = (segments: readonly Segment[]) =>
    segments.map((segment) => ('literal' in segment ? segment.literal : '{}')).join('/');
  const matches = (segments: readonly Segment[], texts: readonly string[]) =>
    segments.length === texts.length &&
    segments.every((segment, at) => !('literal' in segment) || segment.literal === texts[at]);
  /** Literals sort before variables, from left to right. */
  const rankOf = (segments: readonly Segment[]) =>
    segments.map((segment) => ('literal' in segment ? '0' : '1')).join('');

  test('is that of the template in which literals win, whatever its values are', () => {
    const declared = fc.uniqueArray(fc.tuple(fc.constantFrom('GET', 'PUT'), template), {
      maxLength: 12,
      selector: ([method, segments]) => `${method} ${formOf(segments)}`,
    });
    const texts = fc.array(sent, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(declared, texts, fc.constantFrom('GET', 'PUT'), (routes, texts, method) => {
        const table = createRouteTable<readonly Segment[]>();
        for (const [method, segments] of routes) table.add(method, segments, segments);
        const candidates = routes.filter(([, segments]) => matches(segments, texts));
        const [best] = candidates
          .filter(([name]) => name === method)
          .map(([, segments]) => segments)
          .sort((one, other) => rankOf(one).localeCompare(rankOf(other)));

        const found = table.find(method, `/${texts.map(encodeURIComponent).join('/')}`);
        if (best !== undefined) {
          const values = texts.filter((_, at) => 'variable' in (best[at] as Segment));
          expect(found).toEqual({ route: best, values: values.map(encodeURIComponent) });
        } else if (candidates.length > 0) {
          expect(found).toEqual({ allowed: [...new Set(candidates.map(([name]) => name))].sort() });
        } else expect(found).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  test('is none for any text that is not a path', () => {
    const table = createRouteTable<string>();
    table.add('GET', parsePathTemplate('/{a}'), 'a');
    table.add('GET', parsePathTemplate('/{a}/b'), 'ab');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const found = table.find('GET', text);
        if (!text.startsWith('/')) expect(found).toBeUndefined();
      }),
    );
  });
});

describe('a path template', () => {
  test.for([
    ['/orders/{order_id}', [{ literal: 'orders' }, { variable: 'order_id' }]],
    ['/customers:batchGet', [{ literal: 'customers:batchGet' }]],
    ['/a/{b.c_d}/e', [{ literal: 'a' }, { variable: 'b.c_d' }, { literal: 'e' }]],
  ] as const)('%s', ([template, segments]) => {
    expect(parsePathTemplate(template)).toEqual(segments);
  });

  test.for([
    ['orders', 'does not begin with "/"'],
    ['/orders/', 'has an empty segment'],
    ['/', 'has an empty segment'],
    ['/a/{x}/{x}', 'has the variable {x} twice'],
    ...['/a/*', '/a/**', '/a/{x=*}', '/a/{x=b/*}', '/a/{x}:cancel', '/a/{x}{y}', '/a/{X}', '/a/{}', '/é'].map(
      (template) => [template, 'only literals and whole segments'] as const,
    ),
  ] as const)('%s is refused', ([template, problem]) => {
    expect(() => parsePathTemplate(template)).toThrow(problem);
  });
});

describe('annotations', () => {
  test('every public method has one, but streams', () => {
    const own = [OrderService, CatalogService, InventoryService, PaymentService, NotificationService];
    const services = [...own, CustomerService, ProductService];
    const annotated = new Set(routesOf(services).map(({ method }) => method));
    const others = services.flatMap(({ methods }) => methods).filter((method) => !annotated.has(method));
    expect(others.filter(({ methodKind }) => methodKind === 'unary').map(({ name }) => name)).toEqual([]);
    expect(routesOf([FaultService, Health])).toEqual([]);
  });

  test('no two services declare the same path', () => {
    const table = createRouteTable<string>();
    const services = [
      OrderService,
      CustomerService,
      ProductService,
      InventoryService,
      PaymentService,
      NotificationService,
    ];
    for (const { httpMethod, segments, template } of routesOf(services)) {
      table.add(httpMethod, segments, template);
    }
    const segments = parsePathTemplate('/orders/{id}');
    expect(() => table.add('GET', segments, '')).toThrow('GET /orders/{} is declared twice');
  });

  type Rule = MessageInitShape<typeof HttpRuleSchema>;
  const get = (value: string) => ({ pattern: { case: 'get', value } as const });
  const put = (value: string) => ({ pattern: { case: 'put', value } as const });

  test.for([
    ['a pattern that is none', {}, 'a rule without a path is not supported'],
    ['another HTTP method', { pattern: { case: 'patch', value: '/a' } }, 'patch is not supported'],
    ['a custom method', { pattern: { case: 'custom', value: { kind: 'A' } } }, 'custom is not supported'],
    ['a selector', { ...get('/a'), selector: 'a.b' }, 'a selector is not supported'],
    [
      'nested bindings',
      { ...get('/a'), additionalBindings: [{ ...get('/b'), additionalBindings: [get('/c')] }] },
      'bindings are nested',
    ],
    ['a body of a GET', { ...get('/a'), body: '*' }, 'GET takes no body'],
    ['an unknown body', { ...put('/a'), body: 'nothing' }, 'UpdateCustomerRequest has no field "nothing"'],
    [
      'a body that is no message',
      { ...put('/a'), body: 'request_id' },
      'the body "request_id" is not a message',
    ],
    ['an unknown response', { ...put('/a'), responseBody: 'nothing' }, 'has no field "nothing"'],
    ['an unknown variable', put('/a/{nothing}'), 'has no field "nothing"'],
    ['an unknown variable inside', put('/a/{customer.nothing}'), 'Customer has no field "nothing"'],
    ['a variable below a text', put('/a/{request_id.x}'), 'the variable {request_id.x} is not a field'],
    ['a variable that is a message', put('/a/{customer}'), 'neither a text nor a whole number'],
    ['a variable that is a boolean', put('/a/{customer.active}'), 'neither a text nor a whole number'],
    ['a pattern in a variable', put('/a/{request_id=*}'), 'only literals and whole segments'],
  ] as const satisfies readonly (readonly [string, Rule, string])[])('%s fails', ([, rule, problem]) => {
    const problems = () => routesOf([withRule(CustomerService, 'UpdateCustomer', rule)]);
    expect(problems).toThrow(problem);
    expect(problems).toThrow('google.api.http of orderflow.enrichment.v1.CustomerService.UpdateCustomer: ');
  });

  test('a list of messages cannot be a query parameter', () => {
    const service = withRule(OrderService, 'CreateOrder', get('/a'));
    expect(() => routesOf([service])).toThrow('lines, a list, cannot be a query parameter');
  });
});

/** The same service, in which this method has another annotation. */
function withRule(
  service: DescService,
  methodName: string,
  rule: MessageInitShape<typeof HttpRuleSchema>,
): DescService {
  const proto = clone(FileDescriptorProtoSchema, service.file.proto);
  const method = proto.service.flatMap(({ method }) => method).find(({ name }) => name === methodName);
  if (method === undefined) throw new Error(`there is no ${methodName}`);
  method.options ??= create(MethodOptionsSchema);
  setExtension(method.options, http, create(HttpRuleSchema, rule));
  const files = new Map(dependenciesOf(service.file).map((file) => [file.proto.name, file]));
  const registry = createFileRegistry(proto, (name) => files.get(name));
  const changed = registry.getService(service.typeName);
  if (changed === undefined) throw new Error('the service is lost');
  return changed;
}

function dependenciesOf(file: DescService['file']): DescService['file'][] {
  return file.dependencies.flatMap((dependency) => [dependency, ...dependenciesOf(dependency)]);
}
