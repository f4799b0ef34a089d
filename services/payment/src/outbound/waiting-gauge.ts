import { type Component, cachedReading, type Meter, observableGauge } from '@orderflow/runtime';
import type { RunSql } from '@orderflow/storage';
import { metric } from '../metrics.ts';

/** A payment that is still not claimed this long after it was due is overdue. */
const overdueMs = 10_000;

/** Measures how many payments wait for the gateway, and why, when metrics are read. */
export function waitingGauge(readGauge: RunSql, now: () => Date, meter: Meter): Component {
  const gauge = observableGauge(meter, metric.paymentsWaiting);
  const count = cachedReading(async () => {
    const counts = { due: 0, overdue: 0, settling: 0, refunding: 0, refused: 0 };
    const rows = await readGauge<{ why: keyof typeof counts; count: number }>(
      `select
         case when next_attempt_time < $1 then 'overdue' when problem <> '' then 'refused' when state = 'SETTLING' then 'settling'
           when state = 'REFUNDING' then 'refunding' else 'due' end as why,
         count(*)::int as count
       from payment where next_attempt_time is not null group by why`,
      [new Date(now().getTime() - overdueMs)],
    );
    for (const { why, count } of rows) counts[why] = count;
    return counts;
  });
  const observe: Parameters<typeof gauge.addCallback>[0] = async (result) => {
    const counts = await count();
    for (const [state, count] of Object.entries(counts)) result.observe(count, { state });
  };
  return {
    name: 'waiting gauge',
    async start() {
      gauge.addCallback(observe);
    },
    async stop() {
      gauge.removeCallback(observe);
    },
  };
}
