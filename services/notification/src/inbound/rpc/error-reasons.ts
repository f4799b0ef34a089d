import { Code } from '@connectrpc/connect';
import type { ServiceReasons } from '@orderflow/rpc';
import type { RefusalReason } from '../../domain/refusal.ts';

/** The error reasons that belong to notification. */
export const errorReasons = {
  NOTIFICATION_NOT_FOUND: { code: Code.NotFound, status: 404, description: 'No notification has this id.' },
  CUSTOMER_NOT_FOUND: { code: Code.NotFound, status: 404, description: 'No customer has this id.' },
  CUSTOMER_WITHOUT_ADDRESS: {
    code: Code.FailedPrecondition,
    status: 409,
    description: 'The customer has no address to which mail can be sent. Update the customer, repeat.',
  },
} as const satisfies ServiceReasons<RefusalReason>;
