import { Code } from '@connectrpc/connect';
import type { ServiceReasons } from '@orderflow/rpc';
import type { RefusalReason } from '../../domain/refusal.ts';

/** The error reasons that belong to the payment gateway stub. */
export const errorReasons = {
  CHARGE_NOT_REFUNDABLE: {
    code: Code.FailedPrecondition,
    status: 409,
    description: 'The gateway has no charge under this key that can be refunded.',
  },
} as const satisfies ServiceReasons<RefusalReason>;
