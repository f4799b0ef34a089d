import type { Meter } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  InstrumentType,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Component } from './lifecycle.ts';
import { watchProcess } from './process-metrics.ts';

export type { Meter };

/** The metrics of one process, or of one app when a test runs several in one process. */
export interface Metrics {
  readonly meter: Meter;
  /** All metrics in the Prometheus text format, to be served as {@link prometheusContentType}. */
  prometheus(): Promise<string>;
  /** Must be stopped last: nothing is recorded after it. */
  readonly component: Component;
}

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

const COLLECT_LIMIT_MS = 1000;

/** Creates metrics labelled with `service_name` and `role`; they include CPU, memory and event-loop delay. */
export function createMetrics(options: { service: string; role?: string }): Metrics {
  const { service, role } = options;
  // Prometheus reads these two from every line; the label `service` is taken by RPC services.
  const labels = { 'service.name': service, ...(role !== undefined && { role }) };
  const reader = new ScrapeReader();
  const serializer = new PrometheusSerializer(undefined, false, /^/, true, true);
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('orderflow');
  const stopWatching = watchProcess(meter);

  return {
    meter,
    async prometheus() {
      const { resourceMetrics, errors } = await reader.collect({ timeoutMillis: COLLECT_LIMIT_MS });
      const resource = { ...resourceMetrics.resource, attributes: labels };
      // A gauge that cannot be read must neither hide the others nor fail silently.
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

/** Collects on demand. */
class ScrapeReader extends MetricReader {
  constructor() {
    super({
      // Cumulative gauges would report stale series forever, such as the lag of a partition that has been revoked.
      aggregationTemporalitySelector: (type) =>
        type === InstrumentType.OBSERVABLE_GAUGE
          ? AggregationTemporality.DELTA
          : AggregationTemporality.CUMULATIVE,
    });
  }

  protected async onShutdown(): Promise<void> {}

  protected async onForceFlush(): Promise<void> {}
}
