import { topics } from '@orderflow/contracts';
import type { Facts, OrderedFact, SubmissionFact } from './facts.ts';
import { type Finding, findingOf } from './finding.ts';

/** Nothing that was sent is lost, and nothing else was decided. */
export function everyRecordIsAnOrder({ submissions, letters, orders, ordered }: Facts): Finding {
  const setAside = Map.groupBy(letters, ({ source }) => source);
  return findingOf(
    'every record on orders is an order with this content, or set aside',
    submissions,
    ({ position }) => position,
    (record) => {
      const { position, orderId } = record;
      const what = orderId === undefined ? undefined : ordered.get(orderId);
      const isSame = what && isSameOrder(record, what);
      const reasons = setAside.get(position)?.map(({ reason }) => reason);
      if (reasons !== undefined) {
        return isSame && reasons.includes('ORDER_ID_CONFLICT')
          ? `set aside as ORDER_ID_CONFLICT, but order ${orderId} has this content`
          : undefined;
      }
      if (orderId === undefined) return 'cannot be read, and is not in the dead letters';
      if (!orders.has(orderId)) return `order ${orderId} is not there`;
      if (what === undefined) return `nobody knows what order ${orderId} was to be`;
      return isSame === false
        ? `order ${orderId} has other content, and it is not in the dead letters`
        : undefined;
    },
  );
}

/** Undefined when nobody can say. */
function isSameOrder(record: SubmissionFact, { content, value }: OrderedFact): boolean | undefined {
  if (record.content !== undefined || content !== undefined) return record.content === content;
  return value === undefined ? undefined : equal(record.value, value);
}

/** Nobody was told of an order that is not there. */
export function answersNameOrders({ answers, orders }: Facts): Finding {
  return findingOf(
    'every kept answer to CreateOrder names an order of its caller',
    answers,
    ({ callerId, requestId }) => `request ${requestId} of ${callerId}`,
    ({ orderId, callerId }) => {
      const order = orderId === undefined ? undefined : orders.get(orderId);
      if (order === undefined) return `order ${orderId} is not there`;
      return order.callerId === callerId ? undefined : `order ${orderId} is of ${order.callerId}`;
    },
  );
}

/** Holds the dead letters against the records they came from. */
export function deadLettersAreUnchanged({ letters, sources }: Facts): Finding {
  return findingOf(
    'every dead letter is the record it came from, byte for byte',
    letters,
    ({ position }) => position,
    ({ source, key, value }) => {
      if (!/^.+\/\d+\/\d+$/.test(source)) return 'does not say where it came from';
      const record = sources.get(source);
      if (record === undefined) {
        // Topics of events forget after a while; this one never does.
        return source.startsWith(`${topics.orders}/`) ? `${source} is not there` : undefined;
      }
      const isSame = equal(record.key, key) && equal(record.value, value);
      return isSame ? undefined : `differs from ${source}`;
    },
  );
}

function equal(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
