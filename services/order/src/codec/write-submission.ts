import { toBinary } from '@bufbuild/protobuf';
import { topics } from '@orderflow/contracts';
import {
  type OrderSubmitted,
  OrderSubmittedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { eventHeaders, type OutboxMessage } from '@orderflow/messaging';
import type { SubmissionRecord } from '../domain/order.ts';

/** Encodes a submission as the value and content-type of its record. */
export function encodeSubmission(submitted: OrderSubmitted): SubmissionRecord {
  return { value: toBinary(OrderSubmittedSchema, submitted), contentType: 'application/protobuf' };
}

/**
 * Returns the message that sends the submission of a new order to the worker. Its id is derived from the order, so that
 * a repeat has the same id.
 */
export function submissionMessage({
  orderId,
  submission,
  time,
  traceparent,
}: {
  readonly orderId: string;
  readonly submission: SubmissionRecord;
  readonly time: Date;
  readonly traceparent: string | undefined;
}): OutboxMessage {
  const headers = eventHeaders(OrderSubmittedSchema, {
    id: `${orderId}/submitted`,
    source: '/orderflow/order',
    subject: orderId,
    time,
    ...(traceparent !== undefined && { traceparent }),
  });
  return { topic: topics.orders, key: orderId, value: submission.value, headers };
}

/** Returns the message that resends a stored submission: the same value and content-type, no other header. */
export function resubmissionMessage(orderId: string, submission: SubmissionRecord): OutboxMessage {
  return { topic: topics.orders, key: orderId, ...recordOf(submission) };
}

/** Returns the value and the headers of a stored submission. */
export function recordOf({ value, contentType }: SubmissionRecord): Pick<OutboxMessage, 'value' | 'headers'> {
  return { value, headers: contentType === undefined ? {} : { 'content-type': contentType } };
}
