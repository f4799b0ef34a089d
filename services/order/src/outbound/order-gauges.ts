import type { MikroORM } from '@mikro-orm/postgresql';
import { type Component, type Meter, metric, observableGauge } from '@orderflow/runtime';
import { nativeQuery } from '@orderflow/storage';

/** Measures what waits for a person, and what should have been looked at by now, whenever metrics are read. */
export function orderGauges(orm: MikroORM, meter: Meter): Component {
  const needingAttention = observableGauge(meter, metric.ordersNeedingAttention);
  const overdue = observableGauge(meter, metric.ordersOverdue);
  const observeAttention: Parameters<typeof needingAttention.addCallback>[0] = async (result) => {
    const rows = await nativeQuery<{ cause: string; count: number }>(
      orm.em.fork(),
      `select needs_attention as cause, count(*)::int as count from orders
       where needs_attention is not null group by needs_attention`,
    );
    for (const { cause, count } of rows) result.observe(count, { cause });
  };
  const observeOverdue: Parameters<typeof overdue.addCallback>[0] = async (result) => {
    const [row] = await nativeQuery<{ count: number }>(
      orm.em.fork(),
      "select count(*)::int as count from orders where deadline_time < now() - interval '1 minute'",
    );
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
