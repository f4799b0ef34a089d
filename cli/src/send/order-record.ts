import { isDeepStrictEqual } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { isOrderId, readJsonOrder, topics } from '@orderflow/contracts';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { encodeEvent, type OutgoingRecord } from '@orderflow/messaging';
import { CommandError } from '../cli.ts';
import { linesOf, refuse } from './order-lines.ts';
import type { OrderText } from './order-text.ts';

/** The formats of a record on `orders`. */
export type RecordFormat = 'json' | 'protobuf';

/**
 * Makes the record of an order, as any producer may write it: its JSON unchanged and without headers, or an
 * OrderSubmitted with the headers of an event. An order that will be rejected is sent, for its rejection.
 * @throws CommandError when the record would become a dead letter, or would not say what the order says.
 */
export function recordOf(order: OrderText, format: RecordFormat, now: Date): OutgoingRecord {
  const { orderId, customerId, validateOnly } = order.request;
  if (validateOnly)
    refuse([{ field: 'validate_only', description: 'a record on Kafka is always processed' }]);
  if (format === 'json') return { topic: topics.orders, key: readableId(order), value: order.text };
  const message = create(OrderSubmittedSchema, { orderId, customerId, lines: linesOf(order) });
  usable(order);
  const about = { id: `${orderId}/submitted`, source: '/orderflow/cli', subject: orderId, time: now };
  return { topic: topics.orders, key: orderId, ...encodeEvent(OrderSubmittedSchema, message, about) };
}

/** The id of an order whose JSON the worker reads as it was meant. */
function readableId(order: OrderText): string {
  const { text, request } = order;
  // The worker ignores unknown members.
  refuse(request.problems.filter(({ rule }) => rule !== 'json.unknown_field'));
  usable(order);
  const { orderId, customerId, lines } = request;
  if (!isDeepStrictEqual(readByWorker(text), { orderId, customerId, lines }))
    throw new CommandError(
      'The order was not sent: the worker would read this JSON as another order. Send it with --format protobuf.',
    );
  return request.orderId;
}

function readByWorker(text: string): unknown {
  try {
    return readJsonOrder(text).submission;
  } catch (error) {
    throw new CommandError(
      `The order was not sent: the worker could not read it. ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function usable({ request, nameOf }: OrderText): void {
  if (!isOrderId(request.orderId))
    refuse([{ field: nameOf('order_id'), description: 'must be 1 to 64 characters of A-Z a-z 0-9 . _ : -' }]);
}
