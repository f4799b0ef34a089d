import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hastyTimes, runMix } from '../src/mix.ts';
import type { ServiceName } from '../src/system.ts';
import { startWhole, type Whole } from '../src/whole.ts';

/** Between every two durable steps there is one, in each process. */
const points: Partial<Record<ServiceName, readonly string[]>> = {
  'order-api': ['order-after-place', 'order-after-cancel'],
};

let whole: Whole;

beforeAll(async () => {
  whole = await startWhole('whole-crash-points', hastyTimes);
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

describe.for(Object.entries(points) as [ServiceName, readonly string[]][])(
  'stock and money add up when %s is killed',
  ([name, named]) => {
    test.for(named)('at %s, and again in its recovery', async (point) => {
      const service = whole.services[name];
      await service.stop();
      const crash = { ORDERFLOW_TEST: '1', CRASH_AT: `${point}#2` };
      const first = service.launch(crash);
      const mixes = [runMix(whole, `${point}-1`)];
      expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
      // More work, so that the point is passed again.
      const second = service.launch(crash);
      mixes.push(runMix(whole, `${point}-2`));
      expect(await second.exited).toEqual({ code: null, signal: 'SIGKILL' });
      await service.start();
      await Promise.all(mixes);
      await whole.expectSound();
    });
  },
);
