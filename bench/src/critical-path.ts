import { serviceNames } from '@orderflow/local/system';
import { type ResponseDelays, setResponseDelays } from './response-delays.ts';
import { atRate, type SagaBench } from './saga-loads.ts';

/** Long against the noise of an order's time, and short against the time between two orders. */
const DELAY_MS = 10;
const load = { rate: 2, forSeconds: 8 };

/** The round trips that an order waits for, one after the other, from its creation to CONFIRMED. */
export interface CriticalPath {
  readonly sql: number;
  readonly kafka: number;
}

/**
 * Counts the round trips on the critical path of an order that is alone: delays everything that our processes receive
 * from Postgres or from Kafka, and divides by the delay what an order takes longer. Round trips beside the path, at the
 * same time as others or after it, make it no longer. A notification of Postgres counts as a round trip.
 */
export async function measureCriticalPath(bench: SagaBench): Promise<CriticalPath> {
  const { system, stack } = bench;
  const ports = {
    sql: [portOf(stack.urls.POSTGRES_URL)],
    kafka: stack.urls.KAFKA_BROKERS.split(',').map((broker) => portOf(`kafka://${broker}`)),
  };
  const pids = serviceNames.map((name) => system.services[name].pid());
  let runs = 0;
  const medianMs = async (delays: ResponseDelays) => {
    await setResponseDelays(pids, delays);
    const { latencies } = await atRate(bench, { prefix: `path-${runs++}`, ...load });
    return latencies.CONFIRMED.p50;
  };
  const undelayed = await medianMs({});
  const roundTrips = async (delayedPorts: readonly number[]) => {
    const delayed = await medianMs(Object.fromEntries(delayedPorts.map((port) => [port, DELAY_MS])));
    return (delayed - undelayed) / DELAY_MS;
  };
  const path = {
    sql: await roundTrips(ports.sql),
    kafka: await roundTrips(ports.kafka),
  };
  await setResponseDelays(pids, {});
  return path;
}

const portOf = (url: string) => Number(new URL(url).port);
