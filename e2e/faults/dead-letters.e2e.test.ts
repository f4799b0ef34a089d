import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { topics } from '@orderflow/contracts';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { Fault_Kind, FaultSchema } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { repositoryRoot } from '@orderflow/devstack';
import { isSettled } from '@orderflow/local/audit';
import type { TestOrder } from '@orderflow/local/orders';
import { eventually, startProcess } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { breakerState, documentOf, measure, type Run, startRun, violations } from '../src/grid.ts';

describe('one id with invalid responses of the enrichment API', () => {
  test.for([
    {
      what: 'a customer without a name',
      method: 'BatchGetCustomers',
      fault: { kind: Fault_Kind.WRONG_DATA },
    },
    { what: 'another customer', method: 'BatchGetCustomers', fault: { kind: Fault_Kind.WRONG_ID } },
    {
      what: 'an error that is no outage',
      method: 'BatchGetProducts',
      fault: { errorRate: 1, errorCode: Code.NotFound },
    },
  ])(
    '($what) is dead-lettered, its 499 neighbours pass; a replay decides it afterwards',
    async ({ method, fault }) => {
      await using run = await startRun('faults-bad-id', { SLICE_SIZE: '500' });
      // Only this test uses these two.
      const [customerId, productId] = ['c-4242', 'p-1999'];
      const bad = run.order('bad-id', customerId, productId);
      const neighbours = run.make('neighbour', 505);
      const readable = neighbours.filter(({ expected }) => expected.outcome !== 'DEAD_LETTER').slice(0, 499);
      const ids = method === 'BatchGetCustomers' ? [customerId] : [productId];
      await run.faults.setFault({ fault: create(FaultSchema, { method, ids, ...fault }) });

      const states = measure(() => breakerState(run.worker), 50);
      // First: the longest possible run of invalid responses.
      await run.sendTo(1, [bad, ...readable]);
      await eventually(() => isSettled(run.stores, readable), { timeoutMs: 30_000 });
      expect(await orderRow(run, bad)).toEqual([{ state: 'PENDING', needs_attention: 'ENRICHMENT_INVALID' }]);
      expect(await deadLettersOf(run)).toEqual([[bad.record.value, 'ENRICHMENT_INVALID']]);
      expect(Math.max(...(await states.stop()))).toBe(0);

      await run.faults.clearFaults({});
      await replay(run);
      expect((await documentOf(run, bad.orderId)).outcome).toBe('ACCEPTED');
      await eventually(() => isSettled(run.stores, run.sent));
      expect(await orderRow(run, bad)).toEqual([{ state: 'ACCEPTED', needs_attention: null }]);
      expect(await violations(run, run.sent)).toEqual([]);
      expect(await deadLettersOf(run)).toHaveLength(1);
    },
  );
});

async function orderRow({ stores }: Run, { orderId }: TestOrder) {
  return stores.query('select state, needs_attention from orders where id = $1', [orderId]);
}

async function deadLettersOf({ stores }: Run) {
  return (await stores.deadLetters()).map(({ value, headers }) => [value, headers['dlq_reason']]);
}

/** `pnpm orders dlq replay` */
async function replay({ env }: Run): Promise<void> {
  const replaying = startProcess({
    command: process.execPath,
    args: [join(repositoryRoot, 'cli/src/main.ts'), 'dlq', 'replay'],
    env,
  });
  expect(await replaying.exited, replaying.output()).toEqual({ code: 0, signal: null });
}

describe('an undecidable record is dead-lettered, and the next one in its partition is decided at once', () => {
  let run: Run;
  beforeAll(async () => {
    run = await startRun('faults-poison');
  });
  afterAll(() => run?.[Symbol.asyncDispose]());

  const utf8 = (text: string) => Buffer.from(text);
  const submitted = (orderId: string) =>
    Buffer.from(toBinary(OrderSubmittedSchema, create(OrderSubmittedSchema, { orderId, customerId: 'c-1' })));
  const json = (orderId: string) => `{"orderId":"${orderId}","customerId":"c-1","products":[`;
  /** The largest batch that the topic takes is 1 MiB, with some bytes for what is around the value. */
  const largest = 1_048_576 - 200;
  const isPoison: { what: string; value: Buffer | null; reason: string; headers?: Record<string, string> }[] =
    [
      { what: 'random bytes', value: Buffer.from('f3a90c77d20b5e11', 'hex'), reason: 'MALFORMED_PROTOBUF' },
      { what: 'truncated protobuf', value: submitted('cut').subarray(0, -2), reason: 'MALFORMED_PROTOBUF' },
      { what: 'truncated JSON', value: utf8(json('cut')), reason: 'MALFORMED_JSON' },
      {
        what: 'an event of another type',
        value: submitted('typed'),
        reason: 'WRONG_TYPE',
        headers: { ce_type: 'orderflow.order.event.v1.OrderAccepted' },
      },
      {
        what: 'schema-registry framing',
        value: Buffer.concat([Buffer.from([0, 0, 0, 0, 7, 0]), submitted('framed')]),
        reason: 'SCHEMA_REGISTRY_FRAMING',
      },
      { what: 'nothing', value: Buffer.alloc(0), reason: 'EMPTY' },
      { what: 'a tombstone', value: null, reason: 'TOMBSTONE' },
      {
        what: 'as much as the topic takes',
        value: Buffer.alloc(largest, 0xff),
        reason: 'MALFORMED_PROTOBUF',
      },
      {
        what: 'as much JSON as the topic takes',
        value: utf8(json('large').padEnd(largest, '{"productId":"p-1"},')),
        reason: 'MALFORMED_JSON',
      },
      {
        what: 'bad UTF-8',
        value: Buffer.concat([utf8('{"orderId":"'), Buffer.from([0xc3, 0x28]), utf8('","products":[]}')]),
        reason: 'MALFORMED_JSON',
      },
      { what: 'JSON 400,000 levels deep', value: utf8('['.repeat(400_000)), reason: 'MALFORMED_JSON' },
      {
        what: 'deep JSON in place of a product',
        value: utf8(`${json('deep')}${'['.repeat(400_000)}${']'.repeat(400_000)}]}`),
        reason: 'MALFORMED_JSON',
      },
      { what: 'an unreadable id', value: utf8(`${json('not an id')}]}`), reason: 'ORDER_ID_UNUSABLE' },
    ];

  test.for(isPoison)('$what: $reason', async ({ what, value, reason, headers }) => {
    const next = run.order(`after-${what.replaceAll(/\W/g, '-')}`, 'c-1', 'p-1');
    const earlier = new Set((await run.stores.deadLetters()).map(positionOf));
    const messages = [{ value, ...(headers && { headers }), partition: 2 }];
    await run.stores.producer.send({ topic: `${run.env['TOPIC_PREFIX']}${topics.orders}`, messages });
    await run.sendTo(2, [next]);
    await documentOf(run, next.orderId, 5_000);
    await eventually(() => isSettled(run.stores, run.sent));
    const letters = (await run.stores.deadLetters()).filter((letter) => !earlier.has(positionOf(letter)));
    expect(letters.map((letter) => [letter.headers['dlq_reason'], letter.headers['dlq_partition']])).toEqual([
      [reason, '2'],
    ]);
    expect(letters[0]?.value).toEqual(value);
    expect(await violations(run, run.sent)).toEqual([]);
  });
});

function positionOf({ partition, offset }: { partition: number; offset: string }): string {
  return `${partition}/${offset}`;
}
