import { create, toBinary } from '@bufbuild/protobuf';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import type { ReceivedRecord } from '@orderflow/messaging';
import { expect, test } from 'vitest';
import { createCustomerUpdatesHandler } from '../src/inbound/kafka/customer-updates.ts';
import type { CustomerVersion } from '../src/ports.ts';

const announcement = toBinary(
  CustomerUpdatedSchema,
  create(CustomerUpdatedSchema, { customerId: 'c-1', version: 4n }),
);

function record(value: Uint8Array, headers: Record<string, string>, offset = 0n): ReceivedRecord {
  return {
    topic: 'customer-events',
    partition: 0,
    offset,
    key: null,
    value: Buffer.from(value),
    headers,
    rawHeaders: headers,
    timestamp: new Date(0),
  };
}

const updated = { ce_type: CustomerUpdatedSchema.typeName };

async function handle(...records: ReceivedRecord[]) {
  const outdated: CustomerVersion[] = [];
  const handler = createCustomerUpdatesHandler({
    invalidate: async (updates) => void outdated.push(...updates),
  });
  const context = { signal: new AbortController().signal, isCurrent: () => true };
  return { outdated, result: await handler(records, context) };
}

test('cache entries below the minimum version are dropped; events that are unreadable or name no customer are dead-lettered', async () => {
  const broken = record(Buffer.from([0xff]), updated, 1n);
  const withoutCustomer = record(new Uint8Array(), updated, 2n);
  const { outdated, result } = await handle(record(announcement, updated), broken, withoutCustomer);
  expect(outdated).toEqual([{ customerId: 'c-1', version: 4n }]);
  expect(result).toMatchObject({
    deadLetters: [
      { record: broken, reason: 'MALFORMED_PROTOBUF' },
      { record: withoutCustomer, reason: 'MALFORMED_PROTOBUF' },
    ],
    idle: false,
  });
});

test('events of other types are ignored, whatever their content', async () => {
  const deleted = { ce_type: 'orderflow.enrichment.event.v1.CustomerDeleted' };
  const { outdated, result } = await handle(record(announcement, deleted), record(announcement, {}, 1n));
  expect(outdated).toEqual([]);
  expect(result).toEqual({ deadLetters: [], idle: true });
});
