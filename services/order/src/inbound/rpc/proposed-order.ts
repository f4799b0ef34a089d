import { randomUUIDv7 } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import type { CreateOrderRequest } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { currentTrace } from '@orderflow/runtime';
import type { ProposedOrder } from '../../use-cases/place-order.ts';
import { toSubmission } from '../kafka/read-order.ts';

/** Reads what CreateOrder is asked to take. It is read from the record that will be sent, as the worker reads it. */
export function toProposedOrder(request: CreateOrderRequest, callerId: string): ProposedOrder {
  const { customerId, lines } = request;
  const submitted = create(OrderSubmittedSchema, {
    orderId: request.orderId || randomUUIDv7(),
    customerId,
    lines: lines.map(({ reference, quantity, quotedPrice }) => ({
      reference,
      quantity,
      ...(quotedPrice !== undefined && { quotedPrice }),
    })),
  });
  return {
    submission: toSubmission(submitted),
    choseId: request.orderId !== '',
    callerId,
    traceparent: currentTrace()?.traceparent,
    record: {
      value: toBinary(OrderSubmittedSchema, submitted),
      contentType: 'application/protobuf',
    },
  };
}
