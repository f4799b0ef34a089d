import { counter, type Meter, metric, observableGauge } from '@orderflow/runtime';
import type { SetAside } from './dead-letters.ts';
import { type Position, partitionKey } from './pauses.ts';

/** The metrics of one consumer group in this process. Closed, its gauges are gone. */
export function consumerMetrics(
  meter: Meter,
  options: { group: string; topics: readonly string[]; pausedPartitions: (topic: string) => number },
) {
  const { group, topics, pausedPartitions } = options;
  const consumed = counter(meter, metric.recordsConsumed);
  const deadLettered = counter(meter, metric.recordsDeadLettered);
  const offsetsLost = counter(meter, metric.consumerOffsetsLost);
  const paused = observableGauge(meter, metric.consumerPaused);
  const lag = observableGauge(meter, metric.consumerLag);
  const lags = new Map<string, Position & { lag: number }>();

  const observePaused: Parameters<typeof paused.addCallback>[0] = (result) => {
    for (const topic of topics) result.observe(pausedPartitions(topic), { topic, group });
  };
  const observeLag: Parameters<typeof lag.addCallback>[0] = (result) => {
    for (const { topic, partition, lag } of lags.values()) {
      result.observe(lag, { topic, group, partition: String(partition) });
    }
  };
  paused.addCallback(observePaused);
  lag.addCallback(observeLag);

  return {
    offsetsLost,
    /** After each slice; `lag` is what is left in the partition as far as the last fetch knew. */
    handled(position: Position, slice: { done: number; setAside: readonly SetAside[]; lag: bigint }): void {
      const { topic } = position;
      if (slice.done > 0) consumed.add(slice.done, { topic, group });
      for (const { reason } of slice.setAside) deadLettered.add(1, { topic, reason });
      lags.set(partitionKey(position), { ...position, lag: Number(slice.lag) });
    },
    /** Forgets partitions that are not ours any more. */
    retain(isOurs: (position: Position) => boolean): void {
      for (const [key, position] of lags) if (!isOurs(position)) lags.delete(key);
    },
    close(): void {
      paused.removeCallback(observePaused);
      lag.removeCallback(observeLag);
    },
  };
}
