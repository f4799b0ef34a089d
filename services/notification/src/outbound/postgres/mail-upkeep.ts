import { type Component, cachedReading, type Meter, observableGauge } from '@orderflow/runtime';
import { contentExpiry, type ExpiryOptions, type RunSql } from '@orderflow/storage';
import { metric } from '../../metrics.ts';

/**
 * Clears content and addresses of mails that ended, once they are older than the retention of the topics. The rows stay,
 * so that an event that is replayed finds its mail.
 */
export function mailContentExpiry(options: ExpiryOptions): Component {
  const cleared = "draft = null, recipient = '', subject = '', body = '', message = null";
  const where = "draft is not null and state in ('SENT', 'SKIPPED', 'FAILED')";
  return contentExpiry('mail', 'id', { cleared, where }, options);
}

/** Measures how many mails wait, and how many need attention, when metrics are read. */
export function mailGauge(readGauge: RunSql, meter: Meter): Component {
  const gauge = observableGauge(meter, metric.mails);
  const count = cachedReading(async () => {
    const counts = { new: 0, ready: 0, sending: 0, failed: 0 };
    const rows = await readGauge<{ state: keyof typeof counts; count: number }>(
      `select 'new' as state, count(*)::int as count from mail where render_time is not null
       union all
       select lower(state), count(*)::int from mail where send_time is not null group by state
       union all
       select 'failed', count(*)::int from mail where state = 'FAILED' and create_time > now() - interval '30 days'`,
      [],
    );
    for (const row of rows) counts[row.state] = row.count;
    return counts;
  });
  const observe: Parameters<typeof gauge.addCallback>[0] = async (result) => {
    for (const [state, mails] of Object.entries(await count())) result.observe(mails, { state });
  };
  return {
    name: 'mail gauge',
    start: async () => gauge.addCallback(observe),
    stop: async () => gauge.removeCallback(observe),
  };
}
