import { groups, topics } from '@orderflow/contracts';

type Group = (typeof groups)[keyof typeof groups];
export type Topic = (typeof topics)[keyof typeof topics];

/** A process that reads a topic as a consumer group, and what it does with the records. */
export interface Reader {
  readonly process: string;
  readonly does: string;
}

/** The processes of orderflow that read and write topics. */
export interface Applications {
  /** By group. */
  readonly readers: Readonly<Record<Group, Reader>>;
  /** By topic. Any producer writes `orders`, too. */
  readonly writers: Readonly<Record<Topic, string>>;
}

/** Which process reads as which group, and which one writes which topic; compared with the services by a test. */
export const applications: Applications = {
  readers: {
    [groups.orderWorker]: { process: 'order-worker', does: 'decides what arrives on `orders`' },
    [groups.orderSaga]: {
      process: 'order-saga',
      does: 'applies the replies of inventory and payment to orders',
    },
    [groups.payment]: { process: 'payment', does: 'charges, voids and refunds' },
    [groups.orderCache]: {
      process: 'order-worker',
      does: 'drops cache entries of customers that have changed',
    },
    [groups.orderView]: { process: 'order-view', does: 'keeps the progress of the MongoDB documents' },
    [groups.inventory]: { process: 'inventory', does: 'reserves, commits and releases stock' },
    [groups.customers]: { process: 'enrichment-stub', does: "counts customers' orders" },
    [groups.notification]: { process: 'notification', does: 'mails customers about their orders' },
  },
  writers: {
    [topics.orders]: 'order-relay',
    [topics.orderEvents]: 'order-relay',
    [topics.inventoryEvents]: 'inventory',
    [topics.paymentEvents]: 'payment',
    [topics.customerEvents]: 'enrichment-stub',
  },
};
