export { type AuthConfig, authSettings, belowIssuer, isLoopback } from './auth-settings.ts';
export { cachedReading } from './cached-reading.ts';
export { type CoalesceOptions, coalesce } from './coalesce.ts';
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
export { createMetrics, type Meter, type Metrics, prometheusContentType } from './create-metrics.ts';
export { type Check, createHealth, type Health, type Readiness } from './health.ts';
export { infrastructureSettings } from './infrastructure.ts';
export { counter, histogram, type Metric, observableGauge } from './instruments.ts';
export { consumerSettings, type KafkaSecurity, kafkaSecurity, kafkaSettings } from './kafka-settings.ts';
export { type Component, type RunningComponents, runComponents } from './lifecycle.ts';
export { createLogger, type Logger } from './logging.ts';
export { maskUrlPasswords } from './mask.ts';
export { createPacer, type Pacer } from './pacer.ts';
export { type Page, readPage } from './page.ts';
export { runProcess } from './process.ts';
export type {
  FindResponse,
  InTransaction,
  RepeatableRequest,
  RunEachIdempotent,
  RunIdempotent,
  StoredResponse,
} from './repeatable-request.ts';
export {
  brokerList,
  byteSize,
  durationMs,
  origins,
  port,
  positiveInteger,
  positiveIntegerOrOff,
  url,
} from './setting-schemas.ts';
export {
  childOf,
  currentTrace,
  newTraceparent,
  parseTraceparent,
  type Trace,
  type Traceparent,
  withNextSpan,
  withTrace,
} from './tracing.ts';
