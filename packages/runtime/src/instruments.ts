import type { Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';

type MetricKind = 'counter' | 'histogram' | 'gauge';

/**
 * The declaration of a metric. Each package and each service declares its own in one file; kind and attributes are
 * type-checked where the metric is created. /metrics shows dots as underscores and counters with `_total`.
 */
export interface Metric<Kind extends MetricKind = MetricKind> {
  readonly kind: Kind;
  readonly name: string;
  /** A UCUM code: `s`, `By`, or a noun in braces. */
  readonly unit: string;
  readonly description: string;
  /** The meaning of each attribute, for people who read a dashboard. */
  readonly attributes: Readonly<Record<string, string>>;
}

type AttributesOf<M extends Metric> = Record<keyof M['attributes'] & string, string>;

/** Creates a declared counter; it starts at 0 with the process. */
export function counter<M extends Metric<'counter'>>(meter: Meter, definition: M): Counter<AttributesOf<M>> {
  return meter.createCounter(definition.name, definition);
}

const secondsBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Creates a declared histogram of durations in seconds. */
export function histogram<M extends Metric<'histogram'>>(
  meter: Meter,
  definition: M,
): Histogram<AttributesOf<M>> {
  return meter.createHistogram(definition.name, {
    ...definition,
    advice: { explicitBucketBoundaries: secondsBoundaries },
  });
}

/** Creates a declared gauge that is read when metrics are scraped: add a callback to it. */
export function observableGauge<M extends Metric<'gauge'>>(
  meter: Meter,
  definition: M,
): ObservableGauge<AttributesOf<M>> {
  return meter.createObservableGauge(definition.name, definition);
}
