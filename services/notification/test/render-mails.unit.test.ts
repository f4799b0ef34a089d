import { type Client, Code, ConnectError } from '@connectrpc/connect';
import type { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { expect, test } from 'vitest';
import { createCustomers } from '../src/outbound/customers.ts';
import type { Customer, MailToRender } from '../src/ports.ts';
import { type Rendering, renderMails } from '../src/use-cases/render-mails.ts';

const unusable = new Error('the response cannot be used');
const unavailable = new Error('the service is unavailable');
const now = new Date();

/** Rendering with a customer service that fails with `error` for calls that have one of the `bad` customers. */
function renderingWith(error: Error, bad: readonly string[]) {
  const calls: (readonly string[])[] = [];
  const rendering: Rendering = {
    customers: {
      async find(ids) {
        calls.push(ids);
        if (ids.some((id) => bad.includes(id))) throw error;
        return new Map<string, Customer>(ids.map((id) => [id, { name: id, email: 'a@example.com' }]));
      },
      isResponse: (thrown) => thrown === unusable,
    },
    orders: { find: async () => undefined },
    render: () => ({ subject: 's', text: 't', html: 'h' }),
    compose: async () => new Uint8Array(),
    from: 'shop@example.com',
    maxAgeMs: 1_000,
  };
  return { rendering, calls };
}

const mails = Array.from(
  { length: 50 },
  (_, index): MailToRender => ({
    ...{ id: `m-${index}`, customerId: `c-${index}`, postponed: 0 },
    draft: { kind: 'MESSAGE', subject: 's', message: 'm' },
  }),
);

test('a customer for whom the service fails does not hold up the mails of others', async () => {
  const { rendering, calls } = renderingWith(unusable, ['c-17']);
  const { results, available } = await renderMails(rendering, mails, now);
  expect(results.map(({ id }) => id)).toEqual(mails.map(({ id }) => id));
  expect(results.filter(({ kind }) => kind !== 'rendered')).toMatchObject([
    { id: 'm-17', kind: 'postponed' },
  ]);
  expect(available).toBe(true);
  expect(calls.length).toBeLessThan(15);
});

test('a service that is unavailable is called once', async () => {
  const { rendering, calls } = renderingWith(unavailable, ['c-17']);
  const { results, available } = await renderMails(rendering, mails, now);
  expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['postponed']));
  expect(available).toBe(false);
  expect(calls).toHaveLength(1);
});

test.each([
  ['says nothing about the customer', async () => ({ customers: [], notFoundCustomerIds: [] }), true],
  ['fails', () => Promise.reject(new ConnectError('a row cannot be read', Code.Internal)), true],
  ['refuses the id', () => Promise.reject(new ConnectError('no UUID', Code.InvalidArgument)), true],
  ['is down', () => Promise.reject(new ConnectError('connection refused', Code.Unavailable)), false],
  ['is slow', () => Promise.reject(new ConnectError('no time left', Code.DeadlineExceeded)), false],
])('one customer may be the cause when the service %s', async (_, batchGetCustomers, expected) => {
  const client = { batchGetCustomers } as unknown as Client<typeof CustomerService>;
  const customers = createCustomers(client);
  const error = await customers.find(['c-1']).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: Code.Unavailable });
  expect(customers.isResponse(error)).toBe(expected);
});
