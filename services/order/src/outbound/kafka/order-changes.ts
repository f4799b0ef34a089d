import { topics, watchGroup } from '@orderflow/contracts';
import {
  followTopic,
  type Kafka,
  type OffsetRange,
  openTopicOffsets,
  type ReceivedRecord,
} from '@orderflow/messaging';
import { type Component, type Logger, type Meter, observableGauge } from '@orderflow/runtime';
import { type ChangeLog, createChangeLog, type OrderChange } from '../../domain/change-log.ts';
import { Refusal } from '../../domain/refusal.ts';
import { metric } from '../../metrics.ts';
import type { OrderChanges } from '../../ports.ts';
import { createFollowers, type Followers } from './followers.ts';

/** About 20 MB. */
const MAX_CHANGES = 100_000;
/** How far back the log reaches: a watch may continue where another instance ended it so long ago. */
const MAX_AGE_MS = 5 * 60_000;
/** A broker responds to a fetch within a second, also without records. */
const MAX_SILENCE_MS = 10_000;
/** Joining a group takes seconds. */
const MAX_START_MS = 20_000;
/** Reading stops when there was no watcher for so long: an idle process reads nothing. */
const IDLE_MS = 5 * 60_000;
const CHECK_MS = 1_000;

/** How much the log keeps. */
export interface ChangeLogLimits {
  readonly maxChanges: number;
  readonly maxAgeMs: number;
}

/** The log while it is being read. */
interface Feed {
  readonly log: ChangeLog;
  readonly followers: Followers;
  /** Ends it, and all that follow it, with this error. */
  end(error: Refusal): void;
  silentMs(): number;
}

/**
 * Reads `order-events` while there are watchers, beginning five minutes back: the offsets are looked up before the first
 * one is admitted, so that none misses an event while the consumer joins its group. `read` returns undefined for a
 * record that changes no order. The component needs no Kafka to start.
 */
export function createOrderChanges({
  kafka,
  read,
  sessionTimeoutMs,
  logger,
  meter,
  limits: { maxChanges, maxAgeMs } = { maxChanges: MAX_CHANGES, maxAgeMs: MAX_AGE_MS },
}: {
  readonly kafka: Kafka;
  readonly read: (record: ReceivedRecord) => OrderChange | undefined;
  readonly sessionTimeoutMs: number;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly limits?: ChangeLogLimits | undefined;
}): { changes: OrderChanges; component: Component } {
  let current: Promise<Feed> | undefined;
  let feed: Feed | undefined;
  let isStopped = false;
  observableGauge(meter, metric.watchSilence).addCallback((result) => {
    if (feed !== undefined) result.observe(feed.silentMs() / 1000);
  });

  async function lookUpRanges() {
    const offsets = await openTopicOffsets(kafka);
    try {
      const ranges = await offsets.ranges(topics.orderEvents, { since: new Date(Date.now() - maxAgeMs) });
      if (ranges === undefined) throw new Error(`the topic ${topics.orderEvents} does not exist yet`);
      return ranges;
    } finally {
      await offsets[Symbol.asyncDispose]();
    }
  }

  async function open(): Promise<Feed> {
    try {
      const ranges = await lookUpRanges();
      if (isStopped) throw new Error('the process is stopping');
      return start(ranges);
    } catch (error) {
      current = undefined;
      throw unavailable('order-events cannot be read now: watch again later', error);
    }
  }

  function start(ranges: readonly OffsetRange[]): Feed {
    const log = createChangeLog({
      start: new Map(ranges.map(({ partition, from }) => [partition, Number(from)])),
      end: new Map(ranges.map(({ partition, to }) => [partition, Number(to)])),
      ...{ maxChanges, maxAgeMs, now: () => performance.now() },
    });
    const followers = createFollowers(maxChanges / 2);
    const startedAt = performance.now();
    let isOver = false;
    let idleSince = startedAt;
    const consumer = followTopic({
      kafka,
      topic: topics.orderEvents,
      groupPrefix: watchGroup,
      from: new Map(ranges.map(({ partition, from }) => [partition, from])),
      sessionTimeoutMs,
      handle(partition, records, next) {
        for (const record of records) {
          const change = read(record);
          if (change !== undefined && log.append(change)) followers.changed(change);
        }
        log.advance(partition, Number(next));
      },
      onFailed: fail,
    });
    consumer.then(({ silentMs }) => {
      const readSince = performance.now();
      opened.silentMs = () => Math.min(silentMs(), performance.now() - readSince);
    }, fail);
    const checks = setInterval(check, CHECK_MS);
    checks.unref();

    function fail(error: Error): void {
      if (isOver) return;
      logger.warn({ err: error }, 'reading order-events for watchers failed: watches end with UNAVAILABLE');
      opened.end(unavailable('order-events cannot be read any more: watch again later', error));
    }

    function check(): void {
      const silentMs = opened.silentMs();
      if (silentMs > (opened.silentMs === joiningMs ? MAX_START_MS : MAX_SILENCE_MS))
        fail(new Error(`Kafka has not responded for ${Math.round(silentMs / 1000)} s`));
      else if (followers.size > 0) idleSince = performance.now();
      else if (performance.now() - idleSince > IDLE_MS) opened.end(unavailable('no watcher was left'));
    }

    const joiningMs = () => performance.now() - startedAt;
    const opened = {
      log,
      followers,
      silentMs: joiningMs,
      end(error: Refusal) {
        if (isOver) return;
        isOver = true;
        clearInterval(checks);
        if (feed === opened) current = feed = undefined;
        followers.end(error);
        consumer
          .then((started) => started.stop())
          .catch((err: unknown) => logger.debug({ err }, 'leaving the group of watchers failed'));
      },
    };
    feed = opened;
    return opened;
  }

  return {
    changes: {
      async follow(followed, signal) {
        current ??= open();
        const { log, followers } = await current;
        return followers.add(followed, log, signal);
      },
    },
    component: {
      name: 'order-changes',
      start: async () => {},
      async stop() {
        isStopped = true;
        feed?.end(unavailable('the process is stopping'));
      },
    },
  };
}

function unavailable(message: string, cause?: unknown): Refusal {
  return new Refusal('DEPENDENCY_UNAVAILABLE', message, { cause });
}
