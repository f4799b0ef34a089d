import { Code } from '@connectrpc/connect';
import type { ServiceReasons } from '@orderflow/rpc';
import type { RefusalReason } from '../../domain/refusal.ts';

/** The error reasons that belong to payment. */
export const errorReasons = {
  PAYMENT_NOT_FOUND: { code: Code.NotFound, status: 404, description: 'No payment has this id.' },
  PAYMENT_NOT_REFUNDABLE: {
    code: Code.FailedPrecondition,
    status: 409,
    description:
      'Only the charge of an order that is completed, or that the order service does not know, can be refunded; `metadata.state` is the state of the payment.',
  },
  PAYMENT_NOT_REFUSED: {
    code: Code.FailedPrecondition,
    status: 409,
    description:
      'Only a void or refund that the gateway refuses can be settled by hand, and not while the gateway is being called again; `metadata` has state and problem.',
  },
} as const satisfies ServiceReasons<RefusalReason>;
