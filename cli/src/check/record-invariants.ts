import { topics } from '@orderflow/contracts';
import type {
  LetterFact,
  OrderedFact,
  OrderFacts,
  SharedFacts,
  SubmissionFact,
  UndecodableFact,
} from './facts.ts';
import { type Finding, findingOf } from './finding.ts';

/** Checks that no record is lost, and that nothing else was decided. */
export function everyRecordIsAnOrder({ submissions, letters, orders, ordered }: OrderFacts): Finding {
  const deadLetter = Map.groupBy(letters, ({ source }) => source);
  return findingOf(
    'every record on orders is an order with this content, or dead-lettered',
    submissions,
    ({ position }) => position,
    (record) => {
      const { position, orderId } = record;
      const what = orderId === undefined ? undefined : ordered.get(orderId);
      const isSame = what && isSameOrder(record, what);
      const reasons = deadLetter.get(position)?.map(({ reason }) => reason);
      if (reasons !== undefined) {
        return isSame && reasons.includes('ORDER_ID_CONFLICT')
          ? `dead-lettered as ORDER_ID_CONFLICT, but order ${orderId} has this content`
          : undefined;
      }
      if (orderId === undefined) return 'cannot be read, and has no dead letter';
      if (!orders.has(orderId)) return `order ${orderId} does not exist`;
      if (what === undefined) return `the content of order ${orderId} is not stored`;
      return isSame === false
        ? `order ${orderId} has other content, and the record has no dead letter`
        : undefined;
    },
  );
}

/** Undefined when it cannot be determined. */
function isSameOrder(record: SubmissionFact, { content, value }: OrderedFact): boolean | undefined {
  if (record.content !== undefined || content !== undefined) return record.content === content;
  return value === undefined ? undefined : equal(record.value, value);
}

/** Checks that every response of CreateOrder is about an existing order. */
export function responsesNameOrders({ responses, orders }: OrderFacts): Finding {
  return findingOf(
    'every stored response of CreateOrder is about an order of its caller',
    responses,
    ({ callerId, requestId }) => `request ${requestId} of ${callerId}`,
    ({ orderId, callerId }) => {
      const order = orderId === undefined ? undefined : orders.get(orderId);
      if (order === undefined) return `order ${orderId} does not exist`;
      return order.callerId === callerId ? undefined : `order ${orderId} belongs to ${order.callerId}`;
    },
  );
}

/** Checks that each batch that cannot be decoded has a dead letter, which `skip` has written. */
export function everyBatchIsDecodedOrSkipped({ undecodable, letters }: SharedFacts): Finding {
  return findingOf(
    'every record batch can be decoded, or was skipped',
    undecodable,
    ({ topic, partition, from, last }) => `${topic}/${partition}/${from} to ${last}`,
    (batch) => {
      const isSkipped = letters.some((letter) => covers(letter, batch));
      return isSkipped ? undefined : 'cannot be decoded, and has no dead letter';
    },
  );
}

/** Returns whether the dead letter covers the whole batch. */
function covers(
  { source, lastOffset }: LetterFact,
  { topic, partition, from, last }: UndecodableFact,
): boolean {
  const prefix = `${topic}/${partition}/`;
  if (lastOffset === undefined || !source.startsWith(prefix)) return false;
  const first = source.slice(prefix.length);
  return /^\d+$/.test(first) && BigInt(first) <= from && lastOffset >= last;
}

/** Compares the dead letters with their source records. */
export function deadLettersAreUnchanged({ letters, sources, undecodable }: SharedFacts): Finding {
  return findingOf(
    'every dead letter equals its source record, byte for byte',
    letters,
    ({ position }) => position,
    (letter) => {
      const { source, key, value, whole } = letter;
      // There is no record to compare it with.
      if (undecodable.some((batch) => covers(letter, batch))) return undefined;
      if (!/^.+\/\d+\/\d+$/.test(source)) return 'has no valid source';
      const record = sources.get(source);
      if (record === undefined) {
        // Topics of events have a retention; `orders` has none.
        return source.startsWith(`${topics.orders}/`) ? `${source} does not exist` : undefined;
      }
      const isSame =
        whole === undefined ? equal(record.key, key) && equal(record.value, value) : record.whole === whole;
      return isSame ? undefined : `differs from ${source}`;
    },
  );
}

function equal(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
