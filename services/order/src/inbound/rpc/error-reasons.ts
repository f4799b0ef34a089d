import { Code } from '@connectrpc/connect';
import type { ServiceReasons } from '@orderflow/rpc';
import type { RefusalReason } from '../../domain/refusal.ts';

/** The error reasons that belong to the order service. */
export const errorReasons = {
  ORDER_NOT_FOUND: { code: Code.NotFound, status: 404, description: 'No order has this id.' },
  ORDER_ALREADY_EXISTS: {
    code: Code.AlreadyExists,
    status: 409,
    description:
      'An order with this id exists, with other content or from another caller. Read it, or choose another order_id.',
  },
  ORDER_REFUSED: {
    code: Code.FailedPrecondition,
    status: 422,
    errorByViolation: { OUT_OF_STOCK: 'insufficient_inventory' },
    description:
      'The order would be rejected, or is not in stock in this quantity; nothing was stored. `google.rpc.PreconditionFailure` names every reason (see rejection reasons, and OUT_OF_STOCK). Correct the order.',
  },
  ORDER_NOT_CANCELLABLE: {
    code: Code.FailedPrecondition,
    status: 409,
    description:
      'The order is paid, completed or rejected; `metadata.state` says which. A completed order can be refunded.',
  },
  ORDER_NEEDS_NO_ATTENTION: {
    code: Code.FailedPrecondition,
    status: 409,
    description: 'The order does not need attention, so there is nothing to retry.',
  },
} as const satisfies ServiceReasons<RefusalReason>;
