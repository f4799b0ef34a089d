import { type Component, cachedReading, type Meter, observableGauge } from '@orderflow/runtime';
import type { RunSql } from '@orderflow/storage';
import { metric } from '../../metrics.ts';

/** Measures orders that need attention, and overdue deadline checks, when metrics are read. */
export function orderGauges(readGauge: RunSql, meter: Meter): Component {
  const needingAttention = observableGauge(meter, metric.ordersNeedingAttention);
  const overdue = observableGauge(meter, metric.ordersOverdue);
  const countAttention = cachedReading(() =>
    readGauge<{ cause: string; count: number }>(
      `select needs_attention as cause, count(*)::int as count from orders
       where needs_attention is not null group by needs_attention`,
    ),
  );
  const observeAttention: Parameters<typeof needingAttention.addCallback>[0] = async (result) => {
    for (const { cause, count } of await countAttention()) result.observe(count, { cause });
  };
  const countOverdue = cachedReading(() =>
    readGauge<{ count: number }>(
      "select count(*)::int as count from orders where deadline_time < now() - interval '1 minute'",
    ),
  );
  const observeOverdue: Parameters<typeof overdue.addCallback>[0] = async (result) => {
    const [row] = await countOverdue();
    result.observe(row?.count ?? 0);
  };
  return {
    name: 'order gauges',
    async start() {
      needingAttention.addCallback(observeAttention);
      overdue.addCallback(observeOverdue);
    },
    async stop() {
      needingAttention.removeCallback(observeAttention);
      overdue.removeCallback(observeOverdue);
    },
  };
}
