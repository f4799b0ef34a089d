import { counter, type Meter, observableGauge } from '@orderflow/runtime';
import { metric } from '../metrics.ts';
import type { DeadLetter } from './dead-letters.ts';
import { type Position, partitionKey } from './pauses.ts';

interface Assigned extends Position {
  /** Undefined until it has been measured. */
  lag: number | undefined;
  /** When it was measured (`performance.now()`). */
  at: number;
}

/** The metrics of one consumer group in this process. `close` removes its gauges. */
export function consumerMetrics(
  meter: Meter,
  options: { group: string; topics: readonly string[]; pausedPartitions: (topic: string) => number },
) {
  const { group, topics, pausedPartitions } = options;
  const consumed = counter(meter, metric.recordsConsumed);
  const deadLettered = counter(meter, metric.recordsDeadLettered);
  const reduced = counter(meter, metric.deadLettersReduced);
  const offsetsLost = counter(meter, metric.consumerOffsetsLost);
  const paused = observableGauge(meter, metric.consumerPaused);
  const lag = observableGauge(meter, metric.consumerLag);
  const assigned = new Map<string, Assigned>();

  const observePaused: Parameters<typeof paused.addCallback>[0] = (result) => {
    for (const topic of topics) result.observe(pausedPartitions(topic), { topic, group });
  };
  const observeLag: Parameters<typeof lag.addCallback>[0] = (result) => {
    for (const { topic, partition, lag } of assigned.values()) {
      if (lag !== undefined) result.observe(lag, { topic, group, partition: String(partition) });
    }
  };
  paused.addCallback(observePaused);
  lag.addCallback(observeLag);

  /**
   * Sets the number of records left to read in a partition.
   * @param at when it was asked for (`performance.now()`); a value older than the last one is dropped.
   */
  function setLag(position: Position, lag: bigint, at: number): void {
    const one = assigned.get(partitionKey(position));
    if (one === undefined || one.at > at) return;
    one.lag = Number(lag);
    one.at = at;
  }

  return {
    offsetsLost,
    /** After each batch. */
    handled(
      { topic }: Position,
      batch: { done: number; deadLetters: readonly DeadLetter[]; reduced: number },
    ): void {
      if (batch.done > 0) consumed.add(batch.done, { topic, group });
      for (const { reason } of batch.deadLetters) deadLettered.add(1, { topic, reason });
      if (batch.reduced > 0) reduced.add(batch.reduced, { topic });
    },
    setLag,
    /** Replaces the assignment: these partitions belong to this consumer now, and no others. */
    assign(positions: readonly Position[]): void {
      const keys = new Set(positions.map(partitionKey));
      for (const key of assigned.keys()) if (!keys.has(key)) assigned.delete(key);
      for (const position of positions) {
        const key = partitionKey(position);
        if (!assigned.has(key)) assigned.set(key, { ...position, lag: undefined, at: 0 });
      }
    },
    close(): void {
      paused.removeCallback(observePaused);
      lag.removeCallback(observeLag);
    },
  };
}
