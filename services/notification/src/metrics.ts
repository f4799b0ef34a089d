import type { Metric } from '@orderflow/runtime';

/** The metrics of notification. */
export const metric = {
  deliveries: {
    kind: 'counter',
    name: 'orderflow.mail.deliveries',
    unit: '{attempt}',
    description:
      'Attempts to deliver a mail to the mail server: accepted, deferred, refused, unknown or unreachable',
    attributes: { outcome: 'The outcome of the attempt' },
  },
  mails: {
    kind: 'gauge',
    name: 'orderflow.mails.waiting',
    unit: '{mail}',
    description: 'Mails that wait, and mails of the last 30 days that need attention',
    attributes: { state: 'The state of a mail: new, ready, sending or failed' },
  },
} as const satisfies Record<string, Metric>;
