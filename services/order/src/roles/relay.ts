import { createRelay } from '@orderflow/messaging';
import type { Component } from '@orderflow/runtime';
import type { Shared } from './shared.ts';

/** Publishes outbox rows of Postgres to Kafka. */
export function relayRole({
  database,
  readGauge,
  relayConnection,
  listen,
  kafka,
  logger,
  meter,
}: Shared): Component[] {
  return [createRelay({ database, readGauge, relayConnection, listen, kafka, name: 'order', logger, meter })];
}
