import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import { MoneySchema } from '@orderflow/contracts/google/type/money';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import {
  CreateOrderRequestSchema,
  NewOrderLineSchema,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { MAX_RECORD_BYTES, recordBytes } from '@orderflow/messaging';
import { expect, test } from 'vitest';
import { toProposedOrder } from '../src/inbound/rpc/proposed-order.ts';
import { decisionEvent } from '../src/outbound/kafka/order-event.ts';
import { decide, submission } from './kit.ts';

const unknown = [
  { no: 1_000, wireType: 2, data: Buffer.concat([Buffer.of(0x90, 0x4e), Buffer.alloc(10_000)]) },
];

test('the record holds what was validated, and nothing else that the request held', () => {
  const quotedPrice = create(MoneySchema, { currencyCode: 'USD', units: 9n });
  quotedPrice.$unknown = unknown;
  const line = create(NewOrderLineSchema, {
    reference: { case: 'sku', value: 'S' },
    quantity: 1n,
    quotedPrice,
  });
  line.$unknown = unknown;
  const request = create(CreateOrderRequestSchema, { orderId: 'o', customerId: 'c', lines: [line] });
  request.$unknown = unknown;
  // As the server reads it from the wire.
  const received = fromBinary(CreateOrderRequestSchema, toBinary(CreateOrderRequestSchema, request));

  const { record } = toProposedOrder(received, 'caller');
  const expected = create(OrderSubmittedSchema, {
    orderId: 'o',
    customerId: 'c',
    lines: [
      {
        reference: { case: 'sku', value: 'S' },
        quantity: 1n,
        quotedPrice: { currencyCode: 'USD', units: 9n },
      },
    ],
  });
  expect(fromBinary(OrderSubmittedSchema, record.value)).toEqual(expected);
});

test('the largest order of the contract is a record that its topic takes', () => {
  const longest = '\u{10ffff}'.repeat(256);
  const request = create(CreateOrderRequestSchema, {
    orderId: 'o'.repeat(64),
    customerId: longest,
    lines: Array.from({ length: 200 }, () => ({
      reference: { case: 'productId' as const, value: longest },
      quantity: 10_000n,
      quotedPrice: { currencyCode: '\u{10ffff}'.repeat(3), units: 2n ** 63n - 1n, nanos: 2 ** 31 - 1 },
    })),
  });
  const validator = createValidator();
  expect(validator.validate(CreateOrderRequestSchema, request).kind).toBe('valid');
  const { record } = toProposedOrder(request, 'caller');
  // With space for the headers.
  expect(recordBytes({ key: request.orderId, value: record.value, headers: {} })).toBeLessThan(
    MAX_RECORD_BYTES / 2,
  );

  const [line] = request.lines;
  if (line?.quotedPrice) line.quotedPrice.currencyCode = 'x'.repeat(2_000_000);
  const result = validator.validate(CreateOrderRequestSchema, request);
  expect(result.violations?.map(({ message }) => message)).toEqual([
    'currency_code must be at most 3 characters',
  ]);
});

test('whatever is wrong with an order, the event that says so can be sent', () => {
  const worst = '\0'.repeat(100_000);
  const event = decisionEvent(
    decide(
      submission({
        orderId: 'o'.repeat(64),
        customerId: worst,
        lines: Array.from({ length: 200 }, () => ({
          reference: { by: 'product_id' as const, value: worst },
          quantity: -1e300,
          quotedPrice: { amount: undefined, text: worst },
        })),
      }),
    ),
    { version: 1, traceparent: undefined },
  );
  expect(event.headers['ce_type']).toContain('OrderRejected');
  expect(recordBytes(event)).toBeLessThan(MAX_RECORD_BYTES);
});
