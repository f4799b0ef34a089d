import { create, toBinary } from '@bufbuild/protobuf';
import { toMoney } from '@orderflow/contracts';
import { OrderCompletedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import { expect, test } from 'vitest';
import { readMailEvent } from '../src/inbound/kafka/read-mail-event.ts';

const year = 31_557_600;
const read = (seconds: number, nanos = 0) =>
  readMailEvent({
    headers: { ce_type: OrderCompletedSchema.typeName },
    value: Buffer.from(
      toBinary(
        OrderCompletedSchema,
        create(OrderCompletedSchema, {
          ...{ orderId: 'o-1', customerId: 'c-1', total: toMoney(1n, 'USD') },
          completeTime: { seconds: BigInt(seconds), nanos },
        }),
      ),
    ),
  } as unknown as ReceivedRecord);

test.each([-62_135_596_800, 0, 253_402_300_799])('an event of second %i is read', (seconds) => {
  expect(read(seconds)?.eventTime.getTime()).toBe(seconds * 1000);
});

// The first cannot be stored, the others cannot be shown.
test.each([
  [-10_000 * year, 0],
  [10_000 * year, 0],
  [253_402_300_799, 2_000_000_000],
  [Number.MAX_SAFE_INTEGER, 0],
])('an event of second %i and nanosecond %i is none', (seconds, nanos) => {
  expect(() => read(seconds, nanos)).toThrow('beyond the years 1 to 9999');
});
