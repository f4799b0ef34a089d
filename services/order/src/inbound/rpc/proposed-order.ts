import { randomUUIDv7 } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import type { Money } from '@orderflow/contracts/google/type/money';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import type { CreateOrderRequest } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { currentTrace } from '@orderflow/runtime';
import { toSubmission } from '../../codec/read-submission.ts';
import { encodeSubmission } from '../../codec/write-submission.ts';
import type { ProposedOrder } from '../../use-cases/place-order.ts';

/** Reads the order of a CreateOrder request from the record that will be sent, exactly as the worker will read it. */
export function toProposedOrder(request: CreateOrderRequest, callerId: string): ProposedOrder {
  const { customerId, lines } = request;
  const submitted = create(OrderSubmittedSchema, {
    orderId: request.orderId || randomUUIDv7(),
    customerId,
    // Field by field: unknown fields of a request must not reach the worker or the topic.
    lines: lines.map(({ reference: { case: by, value }, quantity, quotedPrice }) => ({
      reference: by === undefined ? { case: by } : { case: by, value },
      quantity,
      ...(quotedPrice && { quotedPrice: validatedFields(quotedPrice) }),
    })),
  });
  return {
    submission: toSubmission(submitted),
    choseId: request.orderId !== '',
    callerId,
    traceparent: currentTrace()?.traceparent,
    record: encodeSubmission(submitted),
  };
}

function validatedFields({
  currencyCode,
  units,
  nanos,
}: Money): Pick<Money, 'currencyCode' | 'units' | 'nanos'> {
  return { currencyCode, units, nanos };
}
