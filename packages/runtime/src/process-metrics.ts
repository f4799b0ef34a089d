import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { observableGauge } from './instruments.ts';
import { metric } from './metrics.ts';

/** Shorter delays go unseen; each measurement wakes an idle process. */
const LOOP_RESOLUTION_MS = 50;

/** Measures CPU, memory and event-loop delay of this process when metrics are read; returns what ends it. */
export function watchProcess(meter: Meter): () => void {
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
  const p99 = observableGauge(meter, metric.eventLoopDelay);
  const max = observableGauge(meter, metric.eventLoopDelayMax);
  meter.addBatchObservableCallback(
    (result) => {
      // The measured value is the time between two ticks of a timer, so an idle loop shows the timer's own period.
      const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LOOP_RESOLUTION_MS / 1e3);
      result.observe(p99, seconds(delay.percentile(99)));
      result.observe(max, seconds(delay.max));
      delay.reset();
    },
    [p99, max],
  );
  return () => delay.disable();
}
