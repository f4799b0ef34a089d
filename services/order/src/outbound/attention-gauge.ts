import type { MikroORM } from '@mikro-orm/postgresql';
import { type Component, type Meter, metric, observableGauge } from '@orderflow/runtime';
import { nativeQuery } from '@orderflow/storage';

/** Measures how many orders wait for a person, by cause, whenever metrics are read. */
export function attentionGauge(orm: MikroORM, meter: Meter): Component {
  const gauge = observableGauge(meter, metric.ordersNeedingAttention);
  const observe: Parameters<typeof gauge.addCallback>[0] = async (result) => {
    const rows = await nativeQuery<{ cause: string; count: number }>(
      orm.em.fork(),
      `select needs_attention as cause, count(*)::int as count from orders
       where needs_attention is not null group by needs_attention`,
    );
    for (const { cause, count } of rows) result.observe(count, { cause });
  };
  return {
    name: 'attention gauge',
    async start() {
      gauge.addCallback(observe);
    },
    async stop() {
      gauge.removeCallback(observe);
    },
  };
}
