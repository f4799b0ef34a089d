import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type Metric, metric } from './attributes.ts';
import type { Component } from './lifecycle.ts';

export type { Meter };

/** The metrics of one process, or of one app when a test runs several in one process. */
export interface Metrics {
  readonly meter: Meter;
  /** All metrics in the Prometheus text format, to be served as {@link prometheusContentType}. */
  prometheus(): Promise<string>;
  /** To be stopped last: afterwards nothing is recorded any more. */
  readonly component: Component;
}

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

const COLLECT_LIMIT_MS = 1000;

/** Metrics labelled with `service_name` and `role`, with CPU, memory and event-loop delay of the process in them. */
export function createMetrics(options: { service: string; role?: string }): Metrics {
  const { service, role } = options;
  // Prometheus reads these two from every line; the label `service` is taken by RPC services.
  const labels = { 'service.name': service, ...(role !== undefined && { role }) };
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer(undefined, false, /^/, true, true);
  const provider = new MeterProvider({ readers: [exporter] });
  const meter = provider.getMeter('orderflow');
  const stopWatching = watchProcess(meter);

  return {
    meter,
    async prometheus() {
      const { resourceMetrics, errors } = await exporter.collect({ timeoutMillis: COLLECT_LIMIT_MS });
      const resource = { ...resourceMetrics.resource, attributes: labels };
      // A gauge that cannot be read must neither hide the others nor go unseen.
      const failures = errors.map((error) => `# not collected: ${String(error).replaceAll('\n', ' ')}\n`);
      return serializer.serialize({ ...resourceMetrics, resource }) + failures.join('');
    },
    component: {
      name: 'metrics',
      start: async () => {},
      async stop() {
        stopWatching();
        await provider.shutdown();
      },
    },
  };
}

type AttributesOf<M extends Metric> = Record<M['attributes'][number], string>;

/** A counter of the vocabulary; starts at 0 with the process. */
export function counter<M extends Metric<'counter'>>(meter: Meter, definition: M): Counter<AttributesOf<M>> {
  return meter.createCounter(definition.name, definition);
}

const secondsBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** A histogram of durations in seconds. */
export function histogram<M extends Metric<'histogram'>>(
  meter: Meter,
  definition: M,
): Histogram<AttributesOf<M>> {
  return meter.createHistogram(definition.name, {
    ...definition,
    advice: { explicitBucketBoundaries: secondsBoundaries },
  });
}

/** A gauge that is read when somebody scrapes: give it a callback. */
export function observableGauge<M extends Metric<'gauge'>>(
  meter: Meter,
  definition: M,
): ObservableGauge<AttributesOf<M>> {
  return meter.createObservableGauge(definition.name, definition);
}

const LOOP_RESOLUTION_MS = 20;

function watchProcess(meter: Meter): () => void {
  const { name, ...cpuOptions } = metric.processCpuTime;
  meter.createObservableCounter(name, cpuOptions).addCallback((result) => {
    const { user, system } = process.cpuUsage();
    result.observe(user / 1e6, { 'cpu.mode': 'user' });
    result.observe(system / 1e6, { 'cpu.mode': 'system' });
  });
  observableGauge(meter, metric.processMemory).addCallback((result) => {
    result.observe(process.memoryUsage.rss());
  });

  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delay.enable();
  observableGauge(meter, metric.eventLoopDelay).addCallback((result) => {
    // What is measured is the time between two ticks of a timer, so an idle loop shows the timer's own period.
    result.observe(Math.max(0, delay.percentile(99) / 1e9 - LOOP_RESOLUTION_MS / 1e3));
    delay.reset();
  });
  return () => delay.disable();
}
