import type { JsonObject } from '@bufbuild/protobuf';
import { deadLetterTopic, readers, readJsonOrder, topics } from '@orderflow/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { asyncApiOf, events, htmlOf } from '../src/index.ts';

interface Document extends JsonObject {
  readonly channels: never;
  readonly operations: never;
  readonly components: never;
}
const document = asyncApiOf() as Document;
const { channels, operations } = document as unknown as {
  channels: Record<string, { address: string; messages: object; bindings: { kafka: JsonObject } }>;
  operations: Record<string, { action: string; channel: { $ref: string }; bindings?: { kafka: JsonObject } }>;
};

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);
ajv.addSchema(document, 'asyncapi.json');

function errorsOf(message: string, payload: unknown): string {
  const $ref = `asyncapi.json#/components/messages/${message}/payload`;
  return ajv.validate({ $ref }, payload) ? '' : ajv.errorsText(ajv.errors);
}

describe('the document', () => {
  test('has every topic, and the dead letters of every group that reads one', () => {
    const addresses = Object.values(channels).map(({ address }) => address);
    const deadLetters = readers.map(([topic, group]) => deadLetterTopic(topic, group));
    expect(addresses.toSorted()).toEqual([...Object.values(topics), ...deadLetters].sort());
  });

  test('has every message of the events that is not a part of another', () => {
    const parts = events.flatMap(({ desc }) => desc.fields.flatMap(({ message }) => message?.name ?? []));
    const names = events.map(({ desc }) => desc.name);
    expect(names.filter((name) => parts.includes(name))).toEqual([]);
    expect(Object.values(channels).flatMap(({ messages }) => Object.keys(messages))).toEqual(
      expect.arrayContaining(names),
    );
  });

  test('has each group that reads a topic as an operation with its id', () => {
    const received = Object.values(operations)
      .filter(({ action }) => action === 'receive')
      .map(({ channel, bindings }) => {
        const { address } = channels[channel.$ref.replace('#/channels/', '')] ?? {};
        const { groupId = {} } = bindings?.kafka ?? {};
        return [address, (groupId as JsonObject)['const']];
      })
      .filter(([, group]) => group !== undefined);
    expect(received.toSorted()).toEqual([...readers].map((reader) => [...reader]).sort());
  });

  test('has every channel written by an operation', () => {
    const sent = Object.values(operations).filter(({ action }) => action === 'send');
    const written = new Set(sent.map(({ channel }) => channel.$ref));
    expect(Object.keys(channels).filter((name) => !written.has(`#/channels/${name}`))).toEqual([]);
  });
});

describe('a field of an event', () => {
  const accepted = { orderId: 'o-1', version: '1', customerId: 'c-1' };

  test('is required, unless its comment says when it is empty', () => {
    const errors = errorsOf('OrderCompleted', { ...accepted, completeTime: '2026-11-22T21:14:03Z' });
    expect(errors).toContain("'total'");
    const total = { currencyCode: 'USD', units: '1' };
    expect(errorsOf('OrderCompleted', { ...accepted, total, completeTime: '2026-11-22T21:14:03Z' })).toBe('');
  });

  test.for([
    ['a number in place of a text of 64 bits', { version: 1 }],
    ['a fraction of a cent', { total: { currencyCode: 'USD', nanos: 1 } }],
    ['money without a currency', { total: { units: '1' } }],
  ])('is not %s', ([, wrong]) => {
    const total = { currencyCode: 'USD', units: '1', nanos: 990_000_000 };
    const event = { ...accepted, total, completeTime: '2026-11-22T21:14:03Z' };
    expect(errorsOf('OrderCompleted', event)).toBe('');
    expect(errorsOf('OrderCompleted', { ...event, ...(wrong as JsonObject) })).not.toBe('');
  });
});

describe('an order in JSON', () => {
  const line = { productId: 'p-1', quantity: 2 };

  test.for([
    ['OrderSubmittedJson', { lines: [line] }],
    ['OrderSubmittedJson', { lines: [{ sku: 'LAPTOP001', quantity: '2' }] }],
    ['PlainOrder', { products: [{ productId: 'p-1', price: 1299.99 }] }],
    ['PlainOrder', { products: [line, { sku: 'LAPTOP001' }] }],
  ] as const)('as %s, %j, is described, and read', ([message, content]) => {
    const order = { orderId: 'o-1', customerId: 'c-1', ...content };
    expect(errorsOf(message, order)).toBe('');
    const { format, submission } = readJsonOrder(JSON.stringify(order));
    expect(format).toBe(message === 'PlainOrder' ? 'plain_json' : 'protobuf_json');
    expect(submission.lines).toHaveLength(Object.values(content)[0].length);
  });

  test.for([
    ['OrderSubmittedJson', { lines: [] }],
    ['OrderSubmittedJson', { lines: [{ quantity: 1 }] }],
    ['OrderSubmittedJson', { lines: [{ ...line, sku: 'LAPTOP001' }] }],
    ['OrderSubmittedJson', { lines: [{ ...line, quantity: 0 }] }],
    ['PlainOrder', { products: [{ ...line, quantity: 10_001 }] }],
    ['PlainOrder', { lines: [line] }],
  ] as const)('as %s is not %j', ([message, content]) => {
    expect(errorsOf(message, { orderId: 'o-1', customerId: 'c-1', ...content })).not.toBe('');
  });
});

describe('the page', () => {
  const html = htmlOf(document);

  test('loads and runs nothing, and links to no other server', () => {
    expect(html).not.toMatch(/<script|\son\w+=|<img|<iframe|@import|url\(/i);
    expect(html.match(/(?:href|src)="(?!#|\.\.\/|data:,)[^"]*"/g)).toBeNull();
  });

  test('has what each of its links names, once', () => {
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids).toHaveLength(new Set(ids).size);
    const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.length).toBeGreaterThan(50);
    expect(links.filter((link) => !ids.includes(link))).toEqual([]);
  });

  test('has every topic and every message', () => {
    for (const { address } of Object.values(channels)) expect(html).toContain(address);
    for (const { desc } of events) expect(html).toContain(`>${desc.name}</h3>`);
  });

  test('shows text of the document as text', () => {
    const info = { title: '<script>a</script>', description: 'x `<b>` **"&**' };
    const shown = htmlOf({ ...document, info });
    expect(shown).toContain('<h1>&lt;script&gt;a&lt;/script&gt;</h1>');
    expect(shown).toContain('<p>x <code>&lt;b&gt;</code> <strong>&quot;&amp;</strong></p>');
  });
});
