import { once } from 'node:events';
import { connect as connectHttp2, constants, type OutgoingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import {
  BatchGetCustomersRequestSchema,
  GetCustomerRequestSchema,
  ListCustomersRequestSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { callerIdOf } from '../src/index.ts';
import { customers, startServer } from './fixture.ts';

const service = '/orderflow.enrichment.v1.CustomerService';
const plain = {
  ':method': 'POST',
  ':path': `${service}/GetCustomer`,
  'content-type': 'application/grpc',
  te: 'trailers',
};
/** Makes no difference to a call, but that Connect serves it. */
const byConnect = { origin: 'https://shop.example' };

function framed(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
const requestFor = (customerId: string) =>
  framed(toBinary(GetCustomerRequestSchema, create(GetCustomerRequestSchema, { customerId })));

/** A server whose ids choose what happens, beyond what those of the fixture do. */
async function startOddServer(overrides: Parameters<typeof startServer>[0] = {}) {
  return startServer({
    implementation: {
      ...customers,
      async getCustomer(request, context: HandlerContext) {
        const { customerId } = request;
        switch (customerId) {
          case 'long':
            return { customer: { customerId, name: 'x'.repeat(300_000) } };
          case 'slow':
            await once(context.signal, 'abort');
            throw context.signal.reason;
          case 'context': {
            context.responseHeader.append('x-answer', 'one');
            context.responseHeader.append('x-answer', 'two');
            context.responseTrailer.set('x-last', 'three');
            const { requestMethod, protocolName, url, service, method } = context;
            const header = [...context.requestHeader].filter(([name]) => name !== 'origin');
            const time = Math.round(Number(context.timeoutMs()) / 1000);
            const seen = [
              requestMethod,
              protocolName,
              new URL(url).pathname,
              time,
              service.typeName,
              method.name,
            ];
            return { customer: { customerId, name: JSON.stringify([...seen, callerIdOf(context), header]) } };
          }
          case 'unencodable':
            throw new ConnectError('x', Code.NotFound, undefined, [
              { desc: ListCustomersRequestSchema, value: { pageSize: 'many' as never } },
            ]);
          default:
            return customers.getCustomer?.(request, context) ?? {};
        }
      },
    },
    ...overrides,
  });
}

async function dial(url: string) {
  const session = connectHttp2(url);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  return session;
}

/** Everything that a caller gets. */
async function answerTo(url: string, headers: OutgoingHttpHeaders, body: Uint8Array, { ends = true } = {}) {
  const session = await dial(url);
  const stream = session.request({ ...plain, ...headers }, { endStream: false });
  stream.on('error', () => {});
  const got: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on('response', ({ date: _, ...header }) => Object.assign(got, { header }));
  stream.on('trailers', (trailer) => Object.assign(got, { trailer }));
  stream.on('data', (bytes: Buffer) => chunks.push(bytes));
  if (body.length > 0) stream.write(body);
  if (ends) stream.end();
  await new Promise((resolve) => stream.once('close', resolve));
  session.destroy();
  return { ...got, body: Buffer.concat(chunks).toString('base64'), reset: stream.rstCode };
}

/** Without what differs from one call to the next. */
const comparable = (value: unknown) =>
  JSON.parse(
    JSON.stringify(value, (name, part) =>
      ['ms', 'time', 'pid', 'err', 'error_id', 'trace_id'].includes(name) ? undefined : part,
    ),
  );

describe('a call gets the same response with and without Connect, and is recorded alike:', () => {
  const batch = (customerIds: string[]) =>
    framed(toBinary(BatchGetCustomersRequestSchema, create(BatchGetCustomersRequestSchema, { customerIds })));
  const good = requestFor('c-1');

  test.for<[what: string, body: Buffer, headers?: OutgoingHttpHeaders]>([
    ['a response', good],
    ['a content type that names the format', good, { 'content-type': 'application/grpc+proto' }],
    ['an error with a reason', requestFor('missing')],
    ['a request against the rules', requestFor('')],
    [
      'what the handler knows of it, and its headers',
      requestFor('context'),
      { 'x-caller-id': 'a', 'x-bin': 'AAE' },
    ],
    ['a caller id that cannot be', requestFor('context'), { 'x-caller-id': 'a'.repeat(200) }],
    ['a long response', requestFor('long')],
    ['a compressed response', requestFor('long'), { 'grpc-accept-encoding': 'identity,deflate,gzip' }],
    ['a response too short to be compressed', good, { 'grpc-accept-encoding': 'br' }],
    ['no time', good, { 'grpc-timeout': '0n' }],
    ['little time', requestFor('slow'), { 'grpc-timeout': '50m' }],
    ['too much time', good, { 'grpc-timeout': '99999999H' }],
    ['a time that cannot be read', good, { 'grpc-timeout': 'soon' }],
    ['no message', Buffer.alloc(0)],
    ['half a prefix', good.subarray(0, 3)],
    ['half a message', good.subarray(0, -1)],
    ['two messages', Buffer.concat([good, good])],
    ['a message and a half', Buffer.concat([good, good.subarray(0, -1)])],
    ['an empty message', framed(Buffer.alloc(0))],
    ['a message that says it is compressed', framed(gzipSync(good.subarray(5)), 1)],
    ['one that looks right and says so', framed(good.subarray(5), 1)],
    ['a compressed message', framed(gzipSync(good.subarray(5)), 1), { 'grpc-encoding': 'gzip' }],
    ['flags that mean nothing', framed(good.subarray(5), 0x82)],
    ['bytes that are no message', framed(Buffer.from([0xff, 0xff, 0xff]))],
    ['text that is not UTF-8', framed(Buffer.from([0x0a, 1, 0xff]))],
    ['unknown fields', framed(Buffer.concat([good.subarray(5), Buffer.from([0x78, 1])]))],
    ['a message that is too long', framed(Buffer.alloc(200_000))],
    ['too many elements', batch(Array(1500).fill('')), { ':path': `${service}/BatchGetCustomers` }],
    ['many violations', batch(Array(200).fill('')), { ':path': `${service}/BatchGetCustomers` }],
    ['a method that is not implemented', good, { ':path': `${service}/UpdateCustomer` }],
    ['a method that does not exist', good, { ':path': `${service}/Nothing` }],
    ['a host that is none', good, { ':authority': 'a[b' }],
    ['an unknown compression', good, { 'grpc-encoding': 'snappy' }],
  ])('%s', async ([, body, headers = {}]) => {
    const { url, lines } = await startOddServer();
    const given = { ':authority': 'shop', 'grpc-timeout': '40S', ...headers };
    lines.length = 0;
    const answers = [];
    const records = [];
    for (const extra of [{}, byConnect]) {
      answers.push(await answerTo(url, { ...given, ...extra }, body));
      records.push(lines.splice(0).map(comparable));
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(records[0]).toEqual(records[1]);
  });

  test('a bug, but for its id', async () => {
    const { url, lines } = await startOddServer();
    const answer = await answerTo(url, {}, requestFor('bug'));
    expect(answer).toMatchObject({ trailer: { 'grpc-status': String(Code.Internal), 'grpc-message': '' } });
    expect(lines.filter(({ msg }) => msg === 'call failed')).toHaveLength(1);
    expect(JSON.stringify(answer)).not.toContain('secret');
  });
});

test('an error that cannot be encoded is logged, and its caller does not wait', async () => {
  const { url, lines } = await startOddServer({ policies: { declaredReasons: false } });
  expect((await answerTo(url, {}, requestFor('unencodable'))).reset).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  expect(lines.map(({ msg }) => msg)).toContain('response failed');
  expect(await answerTo(url, {}, requestFor('c-1'))).toMatchObject({ trailer: { 'grpc-status': '0' } });
});

describe('a request that does not become whole', () => {
  test('is answered at its deadline', async () => {
    const { url, lines } = await startOddServer();
    const answer = await answerTo(url, { 'grpc-timeout': '50m' }, requestFor('c-1'), { ends: false });
    expect(answer).toMatchObject({ trailer: { 'grpc-status': String(Code.DeadlineExceeded) } });
    expect(lines.filter(({ code }) => code === 'deadline_exceeded')).toHaveLength(1);
  });

  test('is answered when it has had its time', async () => {
    const { url } = await startOddServer({ limits: { headersTimeoutMs: 50, requestTimeoutMs: 50 } });
    const answer = await answerTo(url, {}, requestFor('c-1').subarray(0, 7), { ends: false });
    expect(answer).toMatchObject({
      trailer: {
        'grpc-status': String(Code.DeadlineExceeded),
        'grpc-message': 'the request did not arrive within 50 ms',
      },
    });
  });

  test('is answered when the server stops', async () => {
    const { url, stop } = await startOddServer({ graceMs: 0 });
    const answer = answerTo(url, {}, requestFor('c-1'), { ends: false });
    const session = await dial(url);
    // The server has seen what was sent before.
    await new Promise<void>((resolve) => session.ping(() => resolve()));
    await stop();
    expect(await answer).toMatchObject({ trailer: { 'grpc-status': String(Code.Unavailable) } });
  });

  test('is answered at once when it is too long already, and the rest of it is dropped', async () => {
    const { url } = await startOddServer();
    const beginning = framed(Buffer.alloc(4_000_000)).subarray(0, 100_000);
    const answer = await answerTo(url, {}, beginning, { ends: false });
    expect(answer).toMatchObject({ trailer: { 'grpc-status': String(Code.ResourceExhausted) } });
  });

  test('is not carried out when its caller goes', async () => {
    const { url, lines } = await startOddServer();
    const session = await dial(url);
    const stream = session.request(plain, { endStream: false });
    stream.on('error', () => {});
    stream.write(requestFor('c-1'));
    await new Promise<void>((resolve) => session.ping(() => resolve()));
    // A stream that Node closes sends its end first.
    session.destroy();
    await eventually(() => expect(lines.filter(({ code }) => code === 'canceled')).toHaveLength(1));
  });
});

test.for([
  ['without Connect', {}],
  ['with Connect', byConnect],
] as const)('a message is charged until its call has ended, %s', async ([, extra]) => {
  const released = Promise.withResolvers<void>();
  onTestFinished(() => released.resolve());
  const { url } = await startServer({
    limits: { memoryBytes: 4_000_000 },
    implementation: {
      async batchGetCustomers() {
        await released.promise;
        return {};
      },
    },
  });
  const customerIds = Array.from({ length: 200 }, (_, n) => String(n).padEnd(250, 'x'));
  const message = toBinary(
    BatchGetCustomersRequestSchema,
    create(BatchGetCustomersRequestSchema, { customerIds }),
  );
  const headers = { ':path': `${service}/BatchGetCustomers`, ...extra };
  // 50 KB, charged sixfold: ten of them fit.
  const answers = Array.from({ length: 20 }, () => answerTo(url, headers, framed(message)));
  const overloaded = { trailer: { 'grpc-status': String(Code.ResourceExhausted) } };
  expect(await Promise.race(answers)).toMatchObject(overloaded);
  released.resolve();
  const ends = (await Promise.all(answers)) as unknown as (typeof overloaded)[];
  const statuses = ends.map(({ trailer }) => trailer['grpc-status']);
  expect(new Set(statuses)).toEqual(new Set(['0', String(Code.ResourceExhausted)]));
});

test('a compressed message is charged unpacked until its call has ended, whatever follows it', async () => {
  const { url } = await startServer({ limits: { memoryBytes: 4_000_000 } });
  const message = toBinary(
    BatchGetCustomersRequestSchema,
    create(BatchGetCustomersRequestSchema, { customerIds: Array(200).fill('x'.repeat(250)) }),
  );
  const headers = { ':path': `${service}/BatchGetCustomers`, 'grpc-encoding': 'gzip' };
  const body = Buffer.concat([framed(gzipSync(message), 1), Buffer.of(0)]);
  const answers = Array.from({ length: 40 }, () => answerTo(url, headers, body, { ends: false }));
  // Those for which there is no memory at all are reset.
  const overloaded = { trailer: { 'grpc-status': String(Code.ResourceExhausted) } };
  await Promise.any(answers.map(async (answer) => expect(await answer).toMatchObject(overloaded)));
});
