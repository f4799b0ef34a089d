import { Code } from '@connectrpc/connect';
import type { ServiceReasons } from '@orderflow/rpc';
import type { RefusalReason } from '../../domain/refusal.ts';

/** The error reasons that belong to the enrichment stub. */
export const errorReasons = {
  VERSION_MISMATCH: {
    code: Code.Aborted,
    status: 412,
    description: 'The resource has changed since it was read. Read it again, apply the change, repeat.',
  },
  CUSTOMER_NOT_FOUND: { code: Code.NotFound, status: 404, description: 'No customer has this id.' },
  CUSTOMER_ALREADY_EXISTS: {
    code: Code.AlreadyExists,
    status: 409,
    description: 'A customer with this id exists. Read it, or update it.',
  },
  PRODUCT_NOT_FOUND: { code: Code.NotFound, status: 404, description: 'No product has this id or SKU.' },
} as const satisfies ServiceReasons<RefusalReason>;
