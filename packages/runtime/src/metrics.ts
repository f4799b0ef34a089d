import type { Metric } from './instruments.ts';

/** The metrics of every process. */
export const metric = {
  processCpuTime: {
    kind: 'counter',
    name: 'process.cpu.time',
    unit: 's',
    description: 'CPU time used by this process',
    attributes: { 'cpu.mode': 'user or system' },
  },
  processMemory: {
    kind: 'gauge',
    name: 'process.memory.usage',
    unit: 'By',
    description: 'Resident memory of this process',
    attributes: {},
  },
  eventLoopDelay: {
    kind: 'gauge',
    name: 'nodejs.eventloop.delay.p99',
    unit: 's',
    description: 'How late the event loop was, 99th percentile since the last scrape',
    attributes: {},
  },
  eventLoopDelayMax: {
    kind: 'gauge',
    name: 'nodejs.eventloop.delay.max',
    unit: 's',
    description: 'How late the event loop was at most since the last scrape',
    attributes: {},
  },
} as const satisfies Record<string, Metric>;
