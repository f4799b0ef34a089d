import { afterEach, expect, test, vi } from 'vitest';
import {
  counter,
  createMetrics,
  histogram,
  type Metric,
  type Metrics,
  observableGauge,
} from '../src/index.ts';

const metric = {
  ordersDecided: {
    kind: 'counter',
    name: 'orderflow.orders.decided',
    unit: '{order}',
    description: 'Orders',
    attributes: { outcome: 'The outcome' },
  },
  recordsDeadLettered: {
    kind: 'counter',
    name: 'orderflow.records.dead_lettered',
    unit: '{record}',
    description: 'Records',
    attributes: { topic: 'The topic', reason: 'The reason' },
  },
  batchDuration: {
    kind: 'histogram',
    name: 'orderflow.batch.duration',
    unit: 's',
    description: 'Time',
    attributes: { group: 'The group', stage: 'The stage' },
  },
  consumerLag: {
    kind: 'gauge',
    name: 'orderflow.consumer.lag',
    unit: '{record}',
    description: 'Records',
    attributes: { topic: 'The topic', group: 'The group', partition: 'The partition' },
  },
  outboxRelayed: {
    kind: 'counter',
    name: 'orderflow.outbox.relayed',
    unit: '{event}',
    description: 'Rows',
    attributes: { topic: 'The topic' },
  },
  outboxPending: {
    kind: 'gauge',
    name: 'orderflow.outbox.pending',
    unit: '{event}',
    description: 'Rows',
    attributes: {},
  },
} as const satisfies Record<string, Metric>;

let metrics: Metrics | undefined;

function create(): Metrics {
  metrics = createMetrics({ service: 'order', role: 'worker' });
  return metrics;
}

afterEach(() => metrics?.component.stop());

test('counters, histograms and gauges appear with their labels', async () => {
  const { meter, prometheus } = create();
  counter(meter, metric.ordersDecided).add(2, { outcome: 'accepted' });
  counter(meter, metric.ordersDecided).add(1, { outcome: 'accepted' });
  histogram(meter, metric.batchDuration).record(0.03, { group: 'order-worker', stage: 'decide' });
  observableGauge(meter, metric.outboxPending).addCallback((result) => result.observe(7));
  const text = await prometheus();
  const labels = 'service_name="order",role="worker"';
  expect(text).toContain(`orderflow_orders_decided_total{outcome="accepted",${labels}} 3\n`);
  const stage = `group="order-worker",stage="decide",${labels}`;
  expect(text).toContain(`orderflow_batch_duration_bucket{${stage},le="0.025"} 0\n`);
  expect(text).toContain(`orderflow_batch_duration_bucket{${stage},le="0.05"} 1\n`);
  expect(text).toContain(`orderflow_outbox_pending{${labels}} 7\n`);
});

test('every line is a comment or a sample that Prometheus can parse', async () => {
  const { meter, prometheus } = create();
  counter(meter, metric.recordsDeadLettered).add(1, { topic: 'orders', reason: 'a "quoted"\nreason' });
  for (const line of (await prometheus()).split('\n').filter(Boolean)) {
    expect(line).toMatch(/^(#.*|[a-z_0-9]+\{([a-z_]+="(\\.|[^"\\])*",?)+\} [\d.e+-]+)$/i);
  }
});

test('CPU time, memory and event-loop delay of the process are there', async () => {
  const text = await create().prometheus();
  const sampleOf = (series: string) => Number(text.match(new RegExp(`^${series}.* ([\\d.e+-]+)$`, 'm'))?.[1]);
  expect(sampleOf('process_cpu_time_total{cpu_mode="user"')).toBeGreaterThan(0);
  expect(sampleOf('process_memory_usage')).toBeGreaterThan(10_000_000);
  expect(sampleOf('nodejs_eventloop_delay_p99')).toBeGreaterThanOrEqual(0);
});

test('the event-loop delay shows a blocked loop, once', async () => {
  const { prometheus } = create();
  const delay = async () =>
    Number((await prometheus()).match(/^nodejs_eventloop_delay_p99.* ([\d.e+-]+)$/m)?.[1]);
  await vi.waitFor(
    async () => {
      const seen = await delay();
      // A scrape begins a new measurement, which needs a tick of its timer before it sees anything.
      await new Promise((resolve) => setTimeout(resolve, 50));
      blockFor(300);
      expect(seen).toBeGreaterThan(0.2);
    },
    { timeout: 10_000 },
  );
  await vi.waitFor(async () => expect(await delay()).toBeLessThan(0.2));
  await vi.waitFor(async () => expect(await delay()).toBeLessThan(0.2));
});

test('a gauge that cannot be read is named and does not hide the others', async () => {
  const { meter, prometheus } = create();
  counter(meter, metric.outboxRelayed).add(1, { topic: 'orders' });
  observableGauge(meter, metric.outboxPending).addCallback(() => {
    throw new Error('database\nis down');
  });
  const text = await prometheus();
  expect(text).toContain('orderflow_outbox_relayed_total');
  expect(text).toContain('# not collected: Error: database is down\n');
});

test('a gauge shows what is observed now, and forgets what is observed no more', async () => {
  const { meter, prometheus } = create();
  let partitions = ['0', '1'];
  observableGauge(meter, metric.consumerLag).addCallback((result) => {
    for (const partition of partitions) result.observe(7, { topic: 't', group: 'g', partition });
  });
  const shown = async () => (await prometheus()).match(/(?<=orderflow_consumer_lag.*partition=")\d/g);
  expect(await shown()).toEqual(['0', '1']);
  partitions = ['1', '2'];
  expect(await shown()).toEqual(['1', '2']);
  expect(await shown()).toEqual(['1', '2']);
  partitions = [];
  expect(await shown()).toBeNull();
});

test('two sets of metrics in one process do not mix', async () => {
  const first = create();
  const second = createMetrics({ service: 'payment' });
  counter(first.meter, metric.outboxRelayed).add(1, { topic: 'orders' });
  expect(await second.prometheus()).not.toContain('orderflow_outbox_relayed');
  await second.component.stop();
});

test('attributes that the declaration of a metric does not have do not compile', () => {
  const { meter } = create();
  // @ts-expect-error ordersDecided has `outcome`
  counter(meter, metric.ordersDecided).add(1, { outcom: 'accepted' });
  // @ts-expect-error a histogram is no counter
  counter(meter, metric.batchDuration);
});

function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
