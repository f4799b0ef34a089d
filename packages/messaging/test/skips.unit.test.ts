import { expect, test } from 'vitest';
import { readSkip, skipAt, skipMetadata } from '../src/consumer/skips.ts';

const metadata = skipMetadata({ from: 7n, firstTimestamp: 1_700_000_000_000 });
const message = (offset: string, timestamp = '1700000000000') => ({ offset, timestamp });

test('a skip is read as it was committed, and nothing else is taken for one', () => {
  const skip = readSkip({ partition: 2, offset: 9n, metadata });
  expect(skip).toEqual({ partition: 2, from: 7n, to: 9n, firstTimestamp: 1_700_000_000_000 });
  expect(readSkip({ partition: 2, offset: 9n, metadata: '' })).toBeUndefined();
  expect(
    readSkip({ partition: 2, offset: 9n, metadata: '{"from":"-1","first_timestamp":0}' }),
  ).toBeUndefined();
  // Never backwards, nor nowhere.
  expect(readSkip({ partition: 2, offset: 7n, metadata })).toBeUndefined();
});

test('a skip is for a fetch that begins with that record, and for no other', () => {
  const skips = [readSkip({ partition: 2, offset: 9n, metadata })].flatMap((skip) => skip ?? []);
  expect(skipAt(skips, 2, [message('7'), message('8')])).toBe(skips[0]);
  // The group was set back, or is past it.
  expect(skipAt(skips, 2, [message('6'), message('7'), message('8')])).toBeUndefined();
  expect(skipAt(skips, 2, [message('8')])).toBeUndefined();
  expect(skipAt(skips, 1, [message('7')])).toBeUndefined();
  // The topic was made anew: another record lies there now.
  expect(skipAt(skips, 2, [message('7', '1700000000001')])).toBeUndefined();
  expect(skipAt(skips, 2, [])).toBeUndefined();
  expect(skipAt([], 2, [message('7')])).toBeUndefined();
});
