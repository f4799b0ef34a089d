import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Clients, clientsOf } from '@orderflow/local/clients';
import { recordOf } from '@orderflow/local/orders';
import type { System } from '@orderflow/local/system';
import { errorReason } from '@orderflow/rpc';
import type { Whole } from './whole.ts';

/** Concurrent callers. Half of them use gRPC over HTTP/2, the others Connect over HTTP/1.1. */
const callers = 4;
const callEveryMs = 200;
/** The instances that a call tries: the first, the other, and in the worst case the first again. */
const maxTries = 3;

const recordsAtOnce = 3;
const sendEveryMs = 300;

/** The result of a steady load. */
export interface Loaded {
  /** The orders that were accepted: from callers, and from producers on Kafka. */
  readonly called: readonly string[];
  readonly sent: readonly string[];
  /**
   * The outcome of every attempt, as a caller without retries would see it: the number by code. `no response, …` when
   * the connection failed.
   */
  readonly tries: ReadonlyMap<string, number>;
  /** The most attempts that a call needed. */
  readonly maxTries: number;
}

/** A continuous load of orders. */
export interface SteadyLoad {
  /** Stops it. Rejects with the first call that has failed permanently. */
  stop(): Promise<Loaded>;
}

/**
 * Creates orders continuously, over Kafka and by sensible callers: one that gets UNAVAILABLE, or no response, tries the
 * other instance, with the same request id. Any other error is a failure, except the refusal to cancel a paid order.
 * Some orders are cancelled at once, and stock and payments are read.
 */
export function startSteadyLoad(whole: Whole, second: System): SteadyLoad {
  const over = new AbortController();
  const called: string[] = [];
  const sent: string[] = [];
  const tries = new Map<string, number>();
  let max = 0;

  const pause = (ms: number) => sleep(ms, undefined, { signal: over.signal }).catch(() => {});

  async function tried<T>(instances: readonly Clients[], call: (of: Clients) => Promise<T>): Promise<T> {
    for (let count = 1; ; count += 1) {
      const instance = instances[count % instances.length] as Clients;
      max = Math.max(max, count);
      try {
        const response = await call(instance);
        note('ok');
        return response;
      } catch (error) {
        const { code, isWireError } = ConnectError.from(error);
        note(isWireError ? Code[code] : `no response, ${Code[code]}`);
        // An error that is not from the server concerns the connection: Connect has many codes for that, and INTERNAL
        // for the refusal of a stream.
        const isUnavailable = code === Code.Unavailable || (!isWireError && code !== Code.DeadlineExceeded);
        if (!isUnavailable || count === maxTries) throw error;
      }
    }
  }

  function note(outcome: string): void {
    tries.set(outcome, (tries.get(outcome) ?? 0) + 1);
  }

  async function callAllTheTime(caller: number): Promise<void> {
    const protocol = caller % 2 === 0 ? 'connect' : 'grpc';
    const both = [clientsOf(whole, protocol), clientsOf(second, protocol)];
    for (let round = 1; !over.signal.aborted; round += 1) {
      // Each instance is tried first in every other round.
      const instances = round % 2 === 0 ? both : both.toReversed();
      const orderId = `called-${caller}-${round}`;
      const productId = `p-${501 + (round % 40)}`;
      await whole.place({ orderId, lines: { [productId]: 1 } }, (create) =>
        tried(instances, ({ orders }) => create(orders)),
      );
      called.push(orderId);
      if (round % 4 === 0) await cancel(instances, orderId);
      await tried(instances, ({ inventory }) => inventory.getStock({ productId }));
      await tried(instances, ({ payments }) => payments.listPayments({ pageSize: 1 }));
      await pause(callEveryMs);
    }
  }

  async function cancel(instances: readonly Clients[], orderId: string): Promise<void> {
    try {
      await tried(instances, ({ orders }) => orders.cancelOrder({ orderId, requestId: `cancel-${orderId}` }));
    } catch (error) {
      // It had been paid.
      if (errorReason(error) !== 'ORDER_NOT_CANCELLABLE') throw error;
    }
  }

  async function sendAllTheTime(): Promise<void> {
    for (let round = 1; !over.signal.aborted; round += 1) {
      const orderIds = Array.from({ length: recordsAtOnce }, (_, index) => `sent-${round}-${index + 1}`);
      const lines = [{ productId: `p-${601 + (round % 40)}`, quantity: 1 }];
      const format = round % 2 === 0 ? 'protobuf' : 'plain_json';
      await whole.stores.send(
        orderIds.map((orderId) => recordOf({ orderId, customerId: 'c-1', lines }, format)),
      );
      sent.push(...orderIds);
      await pause(sendEveryMs);
    }
  }

  const work = Promise.all([
    sendAllTheTime(),
    ...Array.from({ length: callers }, (_, caller) => callAllTheTime(caller)),
  ]);
  // Reported by `stop`.
  work.catch(() => {});
  return {
    async stop() {
      over.abort();
      await work;
      return { called, sent, tries, maxTries: max };
    },
  };
}
