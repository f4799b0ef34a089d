import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@connectrpc/connect';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import type { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import type { Stack } from '@orderflow/devstack';
import { seededRandom } from '@orderflow/testing/seeded-random';
import type { Redis } from 'ioredis';
import type { Supervised } from './supervise.ts';

/** What troubles act on. */
export interface Scene {
  readonly stack: Stack;
  readonly redis: Redis;
  /** The faults of the enrichment API. */
  readonly faults: Client<typeof FaultService>;
  readonly consumer: Supervised;
  /** Resolves once as many documents are stored as this share of the records, from 0 to 1. */
  stored(share: number): Promise<void>;
}

/** Something that goes wrong while a contender works. */
export interface Trouble {
  readonly name: string;
  /** Resolves when the trouble has ended. */
  inflict(scene: Scene): Promise<void>;
}

const halfWay = 0.5;
const awayMs = 20_000;
/** Where the consumer is killed, as shares of the records: random, and the same for all. */
const kills = (() => {
  const random = seededRandom(5);
  return Array.from({ length: 5 }, () => 0.1 + 0.7 * random()).sort((a, b) => a - b);
})();
/** UNAVAILABLE. */
const errorCode = 14;
const lookups = [CustomerService.method, ProductService.method].flatMap((methods) =>
  Object.values(methods).filter(({ name }) => /^(Batch)?Get/.test(name)),
);

export const troubles: readonly Trouble[] = [
  { name: 'none', inflict: ({ stored }) => stored(halfWay) },
  {
    name: 'the consumer killed five times',
    async inflict({ consumer, stored }) {
      for (const share of kills) {
        await stored(share);
        await consumer.kill();
      }
    },
  },
  {
    name: 'Kafka restarted',
    async inflict({ stack, stored }) {
      await stored(halfWay);
      await stack.parts.kafka.restart();
    },
  },
  {
    name: 'MongoDB unavailable for 20 s',
    async inflict({ stack, stored }) {
      await stored(halfWay);
      await stack.parts.mongo.kill();
      await sleep(awayMs);
      await stack.parts.mongo.start();
    },
  },
  {
    name: 'Redis flushed',
    async inflict({ redis, stored }) {
      await stored(halfWay);
      await redis.flushall();
    },
  },
  {
    // At once, while little is cached.
    name: 'enrichment API slow, 20 % errors, for 20 s',
    async inflict({ faults }) {
      const latency = { minLatency: { nanos: 100_000_000 }, maxLatency: { nanos: 400_000_000 } };
      for (const { name: method } of lookups) {
        await faults.setFault({ fault: { method, errorRate: 0.2, errorCode, ...latency } });
      }
      await sleep(awayMs);
      await faults.clearFaults({});
    },
  },
];
