import type { Results } from '../results.ts';
import { digits, markdownTable } from './format.ts';

const loads = [
  { words: '2 orders a second', prefix: '2/s: ' },
  { words: '50 orders a second', prefix: '' },
];
const columns = [
  { head: 'bare hops', name: '4 bare hops' },
  { head: 'floor with the same guarantees', name: 'saga floor' },
  { head: 'ACCEPTED', name: 'created → ACCEPTED' },
  { head: 'RESERVED', name: 'created → RESERVED' },
  { head: 'CONFIRMED', name: 'created → CONFIRMED' },
  { head: 'COMPLETED', name: 'created → COMPLETED' },
];

/** How long an order takes from its creation to each state, beside what it is compared with. */
export function latencyTable(results: Results): string {
  const cells = loads.flatMap(({ words, prefix }) =>
    ['p50', 'p99'].map((share) => [
      `${words}: ${share}`,
      ...columns.map(({ name }) => {
        const ms = results.value('saga', `${prefix}${name}: ${share}`);
        return ms === undefined ? '–' : digits(ms);
      }),
    ]),
  );
  return markdownTable(['milliseconds', ...columns.map(({ head }) => head)], cells);
}
