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
  RESUME_TOKEN_INVALID: {
    code: Code.InvalidArgument,
    status: 400,
    description: 'The resume_token did not come from WatchOrders. Watch without one, and list the orders.',
  },
  WATCH_TOO_OLD: {
    code: Code.OutOfRange,
    status: 400,
    description:
      'The events after the resume_token are not kept any more (some minutes of them are), or it is of a topic that was replaced since. Watch without a token, and list the orders.',
  },
  SLOW_CONSUMER: {
    code: Code.ResourceExhausted,
    status: 429,
    description:
      'The stream was read so slowly that events which it has not sent are not kept any more. Watch without a token, list the orders, and read faster, or watch fewer.',
  },
  TOO_MANY_WATCHERS: {
    code: Code.ResourceExhausted,
    status: 429,
    description:
      'The process, or the caller, has as many watches open as are allowed: `metadata.limit`. Repeat after the `retry_delay` of the `google.rpc.RetryInfo`, or watch all orders of a customer in one stream.',
  },
} as const satisfies ServiceReasons<RefusalReason>;
