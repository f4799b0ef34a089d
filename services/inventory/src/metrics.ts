import type { Metric } from '@orderflow/runtime';

/** The metrics of inventory. */
export const metric = {
  stockEventsHandled: {
    kind: 'counter',
    name: 'orderflow.stock.events_handled',
    unit: '{event}',
    description:
      'Order events handled by inventory: reserved, unavailable, released, committed, republished, duplicate or contradiction',
    attributes: { outcome: 'The outcome of the event' },
  },
} as const satisfies Record<string, Metric>;
