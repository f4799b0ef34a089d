import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  type MessageInitShape,
  setExtension,
} from '@bufbuild/protobuf';
import {
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_timestamp,
  FieldDescriptorProto_Label as Label,
  OneofOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import {
  type FieldRulesSchema,
  field as fieldOption,
  file_buf_validate_validate,
  Ignore,
  oneof as oneofOption,
} from '@orderflow/contracts/buf/validate/validate';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { ServerReflection } from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { CatalogService } from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { describe, expect, test } from 'vitest';
import { errorReasons } from '../src/errors.ts';
import type { RestAdapter } from '../src/rest/adapter.ts';
import { openApiOf } from '../src/rest/openapi/document.ts';
import { createSchemas, type Form } from '../src/rest/openapi/schemas.ts';
import { routesOf } from '../src/rest/routes.ts';
import { reasons } from './rest-fixture.ts';

const request: Form = { protocol: 'rest', direction: 'request' };
const response: Form = { protocol: 'rest', direction: 'response' };

type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema> & {
  rules?: MessageInitShape<typeof FieldRulesSchema>;
};

/** A message `test.Thing` with these fields; `choice`: its oneof 0 needs one of its fields. */
function thing(fields: readonly FieldInit[], choice?: 'required' | 'optional', name = 'test'): DescMessage {
  const proto = create(FileDescriptorProtoSchema, {
    name: `${name}.proto`,
    package: name,
    syntax: 'proto3',
    dependency: ['buf/validate/validate.proto', 'google/protobuf/timestamp.proto'],
    enumType: [
      {
        name: 'State',
        value: ['UNSPECIFIED', 'ON', 'OFF'].map((value, number) => ({ name: `STATE_${value}`, number })),
      },
    ],
    messageType: [
      {
        name: 'Thing',
        field: fields.map(({ rules, ...field }, at) => {
          const options = create(FieldOptionsSchema);
          if (rules) setExtension(options, fieldOption, rules as never);
          return create(FieldDescriptorProtoSchema, {
            label: Label.OPTIONAL,
            // As the compiler makes it.
            jsonName: (field.name ?? '').replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
            number: at + 1,
            ...field,
            options,
          });
        }),
      },
    ],
  });
  if (choice) {
    const options = create(OneofOptionsSchema);
    setExtension(options, oneofOption, { required: choice === 'required' } as never);
    proto.messageType[0]?.oneofDecl.push({
      $typeName: 'google.protobuf.OneofDescriptorProto',
      name: 'choice',
      options,
    });
  }
  const dependencies = [file_buf_validate_validate, file_google_protobuf_timestamp];
  const registry = createFileRegistry(
    proto,
    (file) =>
      dependencies.find(({ proto }) => proto.name === file) ??
      file_buf_validate_validate.dependencies.find(({ proto }) => proto.name === file),
  );
  const desc = registry.getMessage(`${name}.Thing`);
  if (desc === undefined) throw new Error('the message is lost');
  return desc;
}

const only = (desc: DescMessage): DescField => desc.fields[0] as DescField;
const text = { name: 'a', type: Type.STRING };
const list = { name: 'a', type: Type.STRING, label: Label.REPEATED };
const long = { name: 'a', type: Type.INT64 };

type Rules = MessageInitShape<typeof FieldRulesSchema>;
const ofType = (type: string, value: object) =>
  ({ type: { case: type, value } }) as unknown as Pick<Rules, 'type'>;

describe('a rule of the contract', () => {
  test.for([
    ['a length', text, ofType('string', { minLen: 1n, maxLen: 9n }), { minLength: 1, maxLength: 9 }],
    ['a pattern', text, ofType('string', { pattern: '^a$' }), { pattern: '^a$' }],
    ['an exact length', text, ofType('string', { len: 3n }), { minLength: 3, maxLength: 3 }],
    ['one of some values', text, ofType('string', { in: ['x', 'y'] }), { enum: ['x', 'y'] }],
    [
      'an email address',
      text,
      ofType('string', { wellKnown: { case: 'email', value: true } }),
      { format: 'email' },
    ],
    [
      'a text that may also be empty',
      text,
      { ignore: Ignore.IF_ZERO_VALUE, ...ofType('string', { minLen: 3n }) },
      { anyOf: [{ maxLength: 0 }, { minLength: 3 }] },
    ],
    [
      'limits of a number',
      long,
      ofType('int64', { greaterThan: { case: 'gte', value: 1n }, lessThan: { case: 'lte', value: 5n } }),
      { minimum: 1, maximum: 5 },
    ],
    [
      'limits that are no values themselves',
      long,
      ofType('int64', { greaterThan: { case: 'gt', value: 1n }, lessThan: { case: 'lt', value: 5n } }),
      { exclusiveMinimum: 1, exclusiveMaximum: 5 },
    ],
    ['a value that is none', long, ofType('int64', { notIn: [0n] }), { not: { enum: [0] } }],
    [
      'a list',
      list,
      ofType('repeated', {
        minItems: 1n,
        maxItems: 2n,
        unique: true,
        items: ofType('string', { minLen: 4n }),
      }),
      { minItems: 1, maxItems: 2, uniqueItems: true, items: { type: 'string', minLength: 4 } },
    ],
    ['a list without a rule', list, {}, { maxItems: 1000 }],
  ] as const)('%s', ([, field, rules, expected]) => {
    const desc = thing([{ ...field, rules }]);
    expect(createSchemas().field(only(desc), request)).toMatchObject(expected);
    // Responses are not checked.
    expect(createSchemas().field(only(desc), response)).not.toMatchObject(expected);
  });

  test('that is switched off says nothing', () => {
    const rules = { ignore: Ignore.ALWAYS, ...ofType('string', { minLen: 3n }) };
    expect(createSchemas().field(only(thing([{ ...text, rules }])), request)).toEqual({ type: 'string' });
  });

  test('that is not known fails, so that none is forgotten', () => {
    const desc = thing([{ ...text, rules: ofType('string', { prefix: 'a' }) }]);
    expect(() => createSchemas().field(only(desc), request)).toThrow('the rule prefix is not known');
  });

  test('that JSON Schema cannot express is said', () => {
    const cel = [{ id: 'x', message: 'must be a prime', expression: 'true' }];
    const desc = thing([{ ...text, rules: { cel } }]);
    expect(createSchemas().field(only(desc), request)['description']).toContain('must be a prime');
  });
});

describe('a message', () => {
  test('of a request needs what it breaks a rule without', () => {
    const desc = thing([
      { name: 'needed', type: Type.STRING, rules: ofType('string', { minLen: 1n }) },
      { name: 'free', type: Type.STRING, rules: ofType('string', { maxLen: 1n }) },
      {
        name: 'when',
        type: Type.MESSAGE,
        typeName: '.google.protobuf.Timestamp',
        rules: { required: true } as never,
      },
      { name: 'not_zero', type: Type.INT64, rules: ofType('int64', { notIn: [0n] }) },
    ]);
    expect(createSchemas().request(desc, request)).toMatchObject({
      required: ['needed', 'when', 'notZero'],
      additionalProperties: false,
    });
    expect(createSchemas().request(desc, request, new Set([only(desc)]))).toMatchObject({
      required: ['when', 'notZero'],
    });
  });

  test('of a response has numbers and booleans always, and lists when it is the whole', () => {
    const desc = thing([
      { name: 'count', type: Type.INT64 },
      { name: 'yes', type: Type.BOOL },
      { name: 'text', type: Type.STRING },
      { name: 'texts', type: Type.STRING, label: Label.REPEATED },
    ]);
    const inside = createSchemas();
    inside.message(desc, response);
    expect(inside.components()).toMatchObject({ Thing: { required: ['count', 'yes'] } });
    const whole = createSchemas();
    expect(whole.response(desc, response)).toEqual({ $ref: '#/components/schemas/Thing' });
    expect(whole.components()).toMatchObject({ Thing: { required: ['count', 'yes', 'texts'] } });
  });

  test.for([
    ['required', [{ required: ['one'] }, { required: ['other'] }], undefined],
    ['optional', undefined, { anyOf: [{ required: ['one', 'other'] }] }],
  ] as const)('has one of a %s choice', ([choice, oneOf, not]) => {
    const fields = ['one', 'other'].map((name) => ({ name, type: Type.STRING, oneofIndex: 0 }));
    const schema = createSchemas().request(thing(fields, choice), request);
    expect([schema['oneOf'], schema['not']]).toEqual([oneOf, not]);
  });

  test('may contain itself', () => {
    const desc = thing([{ name: 'a', type: Type.MESSAGE, typeName: '.test.Thing' }]);
    const schemas = createSchemas();
    schemas.message(desc, response);
    expect(schemas.components()).toMatchObject({
      Thing: { properties: { a: { $ref: '#/components/schemas/Thing' } } },
    });
  });

  test('has its full name when another package has one of that name', () => {
    const schemas = createSchemas();
    schemas.message(thing([text]), response);
    expect(schemas.message(thing([text], undefined, 'other'), response)).toEqual({
      $ref: '#/components/schemas/other.Thing',
    });
    expect(Object.keys(schemas.components())).toEqual(['Thing', 'other.Thing']);
  });

  test('has enums without their prefix in REST, and with it in Connect', () => {
    const desc = thing([{ name: 'state', type: Type.ENUM, typeName: '.test.State' }]);
    const schemas = createSchemas();
    schemas.message(desc, response);
    schemas.message(desc, { protocol: 'connect', direction: 'response' });
    expect(schemas.components()).toMatchObject({
      State: { enum: ['ON', 'OFF'] },
      'test.State': { enum: ['STATE_ON', 'STATE_OFF'] },
    });
  });
});

describe('the document', () => {
  const services = [CustomerService];
  const served = { service: 'test', services, routes: routesOf(services), adapters: [] };

  test('has a path once, whatever its routes call its variables', () => {
    const routes = served.routes.map((route) => {
      const [customer] = route.method.input.fields;
      const name = customer?.message?.fields.find(({ name }) => name === 'name');
      if (route.httpMethod !== 'PUT' || customer === undefined || name === undefined) return route;
      return { ...route, variables: [{ fields: [customer, name] }] };
    });
    const { paths } = openApiOf({ ...served, routes, reasons: { ...errorReasons, ...reasons } });
    const variable = {
      parameters: expect.arrayContaining([expect.objectContaining({ name: 'customer_id' })]),
    };
    expect(paths).toMatchObject({ '/customers/{customer_id}': { get: variable, put: variable } });
    expect(paths).not.toHaveProperty('/customers/{name}');
  });

  test('can be made of every service of the contracts', () => {
    const services = [
      ...[
        OrderService,
        CatalogService,
        CustomerService,
        ProductService,
        InventoryService,
        PaymentService,
        NotificationService,
      ],
      ...[GatewayService, FaultService, Health, ServerReflection],
    ];
    const routes = routesOf(services);
    const { components } = openApiOf({ ...served, services, routes, reasons: errorReasons });
    expect(components).toMatchObject({
      schemas: {
        Order: { properties: { orderId: { examples: ['o-1'] }, version: { examples: [4] } } },
        // A method, of which it says how often it was called.
        'orderflow.testing.v1.GetCallCountsResponse': { properties: { calls: { type: 'object' } } },
      },
    });
  });

  test('has what an adapter takes and returns, and the messages it refers to', () => {
    const description = {
      request: { type: 'object', required: ['a'] },
      responses: {
        202: {
          description: 'Later.',
          schema: { properties: { it: { $ref: 'orderflow.enrichment.v1.Customer' } } },
          headers: { Location: 'Where.' },
        },
      },
    };
    const adapter = { method: CustomerService.method.createCustomer, description } as unknown as RestAdapter;
    const { paths } = openApiOf({ ...served, adapters: [adapter], reasons: errorReasons });
    const schema = { properties: { it: { $ref: '#/components/schemas/Customer' } } };
    expect(paths).toMatchObject({
      '/customers': {
        post: {
          requestBody: { required: true, content: { 'application/json': { schema: description.request } } },
          responses: { 202: { headers: { Location: {} }, content: { 'application/json': { schema } } } },
        },
      },
    });
    expect(paths).not.toHaveProperty(['/customers', 'post', 'responses', '200']);
  });

  test('has the reasons of other services with the status of their code', () => {
    const { paths } = openApiOf({ ...served, reasons: errorReasons });
    expect(paths).toMatchObject({
      '/customers': {
        post: { responses: { 409: { description: expect.stringContaining('customer_already_exists') } } },
      },
      '/customers/{customer_id}': { put: { responses: { 412: {} } }, get: { responses: { 404: {} } } },
    });
  });
});
