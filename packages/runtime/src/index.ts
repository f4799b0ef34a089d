export { attribute, type Metric, type MetricKind, metric } from './attributes.ts';
export {
  ConfigError,
  type ConfigOf,
  type ConfigProblem,
  commonSettings,
  defineSettings,
  describeConfig,
  envExample,
  loadConfig,
  loadConfigOrExit,
  type Setting,
  type Settings,
} from './config.ts';
export { crashPoint } from './crash-point.ts';
export { type Check, createHealth, type Health, type Readiness } from './health.ts';
export { infrastructureSettings } from './infrastructure.ts';
export { type Component, type RunningComponents, runComponents } from './lifecycle.ts';
export { createLogger, type Logger } from './logging.ts';
export { maskUrlPasswords } from './mask.ts';
export {
  counter,
  createMetrics,
  histogram,
  type Meter,
  type Metrics,
  observableGauge,
  prometheusContentType,
} from './metrics.ts';
export { runProcess } from './process.ts';
export type {
  AnswerEachOnce,
  AnswerOnce,
  FindAnswer,
  InTransaction,
  KeptAnswer,
  RepeatableRequest,
} from './repeatable-request.ts';
export { brokerList, byteSize, durationMs, origins, port, positiveInteger, url } from './setting-schemas.ts';
export { type TogetherOptions, together } from './together.ts';
export {
  childOf,
  currentTrace,
  newTraceparent,
  parseTraceparent,
  type Trace,
  type Traceparent,
  withTrace,
} from './tracing.ts';
