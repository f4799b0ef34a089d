import { sagaStates } from '@orderflow/order/domain/saga';
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
  total,
  type World,
} from './world.ts';

/** All worlds that a few orders can reach. */
export function sagaSpace(setting: Setting): Space<World> {
  return {
    initial: firstWorld(setting),
    key: keyOf,
    moves: (world) => movesOf(world, setting),
    problem: (world) => problemOf(world, setting),
    isEnd: (world) => world.orders.every(isOver),
  };
}

const hasEnded = ({ order }: OrderWorld) => /^(REJECTED|COMPLETED|CANCELLED)/.test(order.sagaState);

/** Whether nothing is left to read, to call or to wait for. */
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
    return `${onHand} on hand and ${reserved} reserved`;
  }
  if (onHand + committed !== BigInt(pieces))
    return `${pieces} became ${onHand} on hand and ${committed} committed`;
  if (reserved !== BigInt(held)) return `${reserved} reserved for ${held} orders`;
  for (const of of world.orders) {
    const problem = orderProblem(of, world.isShuffled);
    if (problem !== undefined) return `${of.order.orderId}: ${problem}`;
  }
  return undefined;
}

function orderProblem(of: OrderWorld, isShuffled: boolean): string | undefined {
  const { order, payment, reservation } = of;
  const { state, refunded } = sagaStates[order.sagaState];
  const unrefunded = Object.values(of.charges).filter((charge) => charge === 'approved').length;
  const isCaptured = state === 'CONFIRMED' || (state === 'COMPLETED' && !refunded);
  const isRefunded = payment?.state === 'REFUNDING' || payment?.state === 'REFUNDED';

  if (unrefunded > 0 && payment !== undefined && payment.amount !== total) {
    return `charged ${payment.amount} of ${total}`;
  }
  if (unrefunded > 1) return `charged ${unrefunded} times`;
  if (isCaptured && unrefunded === 0 && !isRefunded) return `${state}, but nothing is charged`;
  if (unrefunded > 0 && (state === 'CANCELLED' || state === 'REJECTED' || refunded)) {
    return `${order.sagaState}, but charged`;
  }
  // Charged, without anything left that would detect or undo it.
  const isClosed = payment === undefined || /^(FAILED|VOIDED|REFUNDED)$/.test(payment.state);
  if (unrefunded > 0 && isClosed) return `charged, but the payment is ${payment?.state ?? 'unknown'}`;
  if (state === 'COMPLETED' && reservation?.state !== 'COMMITTED') {
    return `COMPLETED, but its reservation is ${reservation?.state}`;
  }
  if (state === 'CANCELLED' && (reservation?.state === 'RESERVED' || reservation?.state === 'COMMITTED')) {
    return `CANCELLED, but its reservation is ${reservation.state}`;
  }
  // A genuine reservation is dead-lettered when a forged one was there first.
  if (isShuffled || of.isDelayed) return undefined;
  if (of.contradiction !== undefined) return `contradiction: ${of.contradiction}`;
  return order.needsAttention === 'CONTRADICTORY_EVENT'
    ? `contradictory event in ${order.sagaState}`
    : undefined;
}
