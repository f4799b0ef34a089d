import { places } from '@orderflow/order/domain/saga';
import type { Space } from './breadth-first.ts';
import { movesOf } from './moves.ts';
import {
  firstWorld,
  keyOf,
  type OrderWorld,
  product,
  type Reader,
  readers,
  type Setting,
  type World,
} from './world.ts';

/** All worlds that a few orders can come to. */
export function sagaSpace(setting: Setting): Space<World> {
  return {
    initial: firstWorld(setting),
    key: keyOf,
    moves: (world) => movesOf(world, setting),
    problem: (world) => problemOf(world, setting),
    isEnd: (world) => world.orders.every(isOver),
  };
}

const hasEnded = ({ order }: OrderWorld) => /^(REJECTED|COMPLETED|CANCELLED)/.test(order.place);

/** Nothing is left to be read, to be called or to be waited for. */
function isOver(of: OrderWorld): boolean {
  const isRead = Object.entries(readers).every(
    ([reader, topic]) => of.offsets[reader as Reader] === of.topics[topic].length,
  );
  return hasEnded(of) && isRead && of.calls.length === 0 && of.payment?.nextAttemptTime === undefined;
}

function problemOf(world: World, { pieces }: Setting): string | undefined {
  const { onHand, reserved, committed } = world.stock.get(product) ?? {
    onHand: 0n,
    reserved: 0n,
    committed: 0n,
  };
  const held = world.orders.filter(({ reservation }) => reservation?.state === 'RESERVED').length;
  if (onHand < 0n || reserved < 0n || reserved > onHand) {
    return `${onHand} on the shelf and ${reserved} reserved`;
  }
  if (onHand + committed !== BigInt(pieces)) return `${pieces} became ${onHand} and ${committed} that left`;
  if (reserved !== BigInt(held)) return `${reserved} reserved for ${held} orders`;
  for (const of of world.orders) {
    const problem = orderProblem(of, world.isShuffled);
    if (problem !== undefined) return `${of.order.orderId}: ${problem}`;
  }
  return undefined;
}

function orderProblem(of: OrderWorld, isShuffled: boolean): string | undefined {
  const { order, payment, reservation } = of;
  const { state, refunded } = places[order.place];
  const standing = Object.values(of.charges).filter((charge) => charge === 'approved').length;
  const isKept = state === 'CONFIRMED' || (state === 'COMPLETED' && !refunded);
  const isGivenBack = payment?.state === 'REFUNDING' || payment?.state === 'REFUNDED';

  if (standing > 1) return `charged ${standing} times`;
  if (isKept && standing === 0 && !isGivenBack) return `${state}, and nothing is charged`;
  if (standing > 0 && (state === 'CANCELLED' || state === 'REJECTED' || refunded)) {
    return `${order.place}, and charged`;
  }
  // Charged, and nobody is about to find out, or to give it back.
  const isClosed = payment === undefined || /^(FAILED|VOIDED|REFUNDED)$/.test(payment.state);
  if (standing > 0 && isClosed) return `charged, and the payment is ${payment?.state ?? 'unknown'}`;
  if (state === 'COMPLETED' && reservation?.state !== 'COMMITTED') {
    return `COMPLETED, and its reservation is ${reservation?.state}`;
  }
  if (state === 'CANCELLED' && (reservation?.state === 'RESERVED' || reservation?.state === 'COMMITTED')) {
    return `CANCELLED, and its reservation is ${reservation.state}`;
  }
  if (isShuffled) return undefined;
  if (of.contradiction !== undefined) return `contradiction: ${of.contradiction}`;
  return order.needsAttention === 'CONTRADICTORY_EVENT' ? `contradictory event in ${order.place}` : undefined;
}
