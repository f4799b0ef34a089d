import type { Facts } from './facts.ts';
import { type Finding, findingOf } from './finding.ts';

/** Nothing that was sent is lost. */
export function everyRecordIsAnOrder({ submissions, letters, orders }: Facts): Finding {
  const setAside = new Set(letters.map(({ source }) => source));
  return findingOf(
    'every record on orders is an order, or set aside',
    submissions,
    ({ position }) => position,
    ({ position, orderId }) => {
      if (setAside.has(position)) return undefined;
      if (orderId === undefined) return 'cannot be read, and is not in the dead letters';
      return orders.has(orderId) ? undefined : `order ${orderId} is not there`;
    },
  );
}

/** Holds the dead letters against the records they came from. */
export function deadLettersAreUnchanged({ letters: all, sources }: Facts): Finding {
  return findingOf(
    'every dead letter is the record it came from, byte for byte',
    all,
    ({ position }) => position,
    ({ source, key, value }) => {
      const record = sources.get(source);
      // Topics of events forget after a while.
      if (record === undefined) return undefined;
      const isSame = equal(record.key, key) && equal(record.value, value);
      return isSame ? undefined : `differs from ${source}`;
    },
  );
}

function equal(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
