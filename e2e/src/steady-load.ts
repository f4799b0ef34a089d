import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { errorReason } from '@orderflow/rpc';
import { type Clients, clientsOf } from './clients.ts';
import { recordOf } from './orders.ts';
import type { System } from './system.ts';
import type { Whole } from './whole.ts';

/** Callers at once. Half of them speak gRPC over HTTP/2, the others Connect over HTTP/1.1. */
const callers = 4;
const callEveryMs = 200;
/** Of a call: the first instance, the other one, and for the worst case the first once more. */
const mostTries = 3;

const recordsAtOnce = 3;
const sendEveryMs = 300;

/** What a steady load has seen in the end. */
export interface Loaded {
  /** The orders that were taken: of those that called, and of those that wrote to Kafka. */
  readonly called: readonly string[];
  readonly sent: readonly string[];
  /**
   * How each single try ended, as somebody sees it who does not try again: how many, by code. `no answer, …` when the
   * server did not say so, but the connection.
   */
  readonly tries: ReadonlyMap<string, number>;
  /** The most tries that a call took. */
  readonly mostTries: number;
}

/** Orders that come all the time. */
export interface SteadyLoad {
  /** Ends it. Rejects with the first call that has failed for good. */
  stop(): Promise<Loaded>;
}

/**
 * Has orders made all the time, over Kafka and by sensible callers: one that is told UNAVAILABLE, or nothing, tries the
 * other instance, with the same request id. Any other error is a failure, but for the refusal to cancel what is paid.
 * Some orders are cancelled at once, and stock and payments are read.
 */
export function startSteadyLoad(whole: Whole, second: System): SteadyLoad {
  const over = new AbortController();
  const called: string[] = [];
  const sent: string[] = [];
  const tries = new Map<string, number>();
  let most = 0;

  const pause = (ms: number) => sleep(ms, undefined, { signal: over.signal }).catch(() => {});

  async function tried<T>(instances: readonly Clients[], call: (of: Clients) => Promise<T>): Promise<T> {
    for (let count = 1; ; count += 1) {
      const instance = instances[count % instances.length] as Clients;
      most = Math.max(most, count);
      try {
        const answer = await call(instance);
        note('ok');
        return answer;
      } catch (error) {
        const { code, isWireError } = ConnectError.from(error);
        note(isWireError ? Code[code] : `no answer, ${Code[code]}`);
        // What does not come from the server is about the connection: Connect has many codes for that, and INTERNAL for
        // the refusal of a stream.
        const isAway = code === Code.Unavailable || (!isWireError && code !== Code.DeadlineExceeded);
        if (!isAway || count === mostTries) throw error;
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
      // Each instance is the first choice of every other round.
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
      // It was paid before.
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
  // Whoever stops it hears of it.
  work.catch(() => {});
  return {
    async stop() {
      over.abort();
      await work;
      return { called, sent, tries, mostTries: most };
    },
  };
}
