import { create, toBinary } from '@bufbuild/protobuf';
import { timestampNow } from '@bufbuild/protobuf/wkt';
import {
  OrderAcceptedSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import { createLogger } from '@orderflow/runtime';
import { expect, test } from 'vitest';
import { createOrderEventsHandler } from '../src/inbound/kafka/order-events.ts';
import { createSagaRepliesHandler } from '../src/inbound/kafka/saga-replies.ts';
import { createOrderProgress } from '../src/outbound/mongo/order-progress.ts';

// A batch that uses no store must not count as a proof that the stores are healthy.

const context = { signal: new AbortController().signal, isCurrent: () => true };

function record(type: string, value: Uint8Array): ReceivedRecord {
  const headers = { ce_type: type };
  const position = { topic: 'order-events', partition: 0, offset: 0n, key: null };
  return { ...position, value: Buffer.from(value), headers, rawHeaders: headers, timestamp: new Date(0) };
}

const accepted = record(
  OrderAcceptedSchema.typeName,
  toBinary(
    OrderAcceptedSchema,
    create(OrderAcceptedSchema, { orderId: 'o-1', version: 1n, decideTime: timestampNow() }),
  ),
);
const reserved = record(
  OrderReservedSchema.typeName,
  toBinary(
    OrderReservedSchema,
    create(OrderReservedSchema, { orderId: 'o-1', version: 2n, reserveTime: timestampNow() }),
  ),
);
const later = record('orderflow.order.event.v1.OrderForgotten', new Uint8Array());

test('the view is idle where it leaves every event to the worker, or does not know it', async () => {
  const written: unknown[] = [];
  const collection = { bulkWrite: async (operations: unknown[]) => void written.push(...operations) };
  const mongo = { em: { getCollection: () => collection } };
  const handle = createOrderEventsHandler(
    createOrderProgress(mongo as unknown as Parameters<typeof createOrderProgress>[0]),
  );
  expect(await handle([accepted, later], context)).toEqual({ deadLetters: [], idle: true });
  expect(written).toEqual([]);
  expect(await handle([accepted, reserved], context)).toEqual({ deadLetters: [], idle: false });
  expect(written).toHaveLength(1);
});

test('the saga is idle when no event is a reply', async () => {
  const handle = createSagaRepliesHandler({
    inTransaction: () => Promise.reject(new Error('nothing was to be called')),
    limits: { decisionMs: 1, orderMs: 1, settleMs: 1 },
    report: () => {},
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
  expect(await handle([later, accepted], context)).toEqual({ deadLetters: [], idle: true });
});
