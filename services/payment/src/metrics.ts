import type { Metric } from '@orderflow/runtime';

/** The metrics of payment. */
export const metric = {
  gatewayCalls: {
    kind: 'counter',
    name: 'orderflow.gateway.calls',
    unit: '{call}',
    description:
      'Calls to the payment gateway: approved, declined, temporarily_declined, voided, refunded, refused, unknown or unreachable',
    attributes: {
      kind: 'The kind of gateway call: charge, void or refund',
      outcome: 'The outcome of the call',
    },
  },
  paymentsWaiting: {
    kind: 'gauge',
    name: 'orderflow.payments.waiting',
    unit: '{payment}',
    description: 'Payments that wait for the payment gateway',
    attributes: { state: 'Why a payment waits: due, overdue, settling, refunding or refused' },
  },
} as const satisfies Record<string, Metric>;
