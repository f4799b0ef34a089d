import { deadlineOf } from '@orderflow/order/domain/deadline';
import { sagaStates } from '@orderflow/order/domain/saga';
import type { Outcome } from '@orderflow/payment/domain/input';
import type { Move } from './breadth-first.ts';
import { appliesInput, arrives, forges, isSkipped, pays, takes } from './parts.ts';
import {
  type Budget,
  type FlyingCall,
  type OrderWorld,
  type Reader,
  readers,
  type Setting,
  type World,
} from './world.ts';

const allReaders = Object.keys(readers) as Reader[];

/** All possible moves. */
export function* movesOf(world: World, { table }: Setting): Generator<Move<World>> {
  for (const [index, of] of world.orders.entries()) {
    const { orderId } = of.order;
    /** A move that changes this order, and may use up budget. */
    const move = (
      label: string,
      next: OrderWorld,
      {
        cost,
        stock = world.stock,
        isShuffled = false,
      }: { cost?: keyof Budget; stock?: World['stock']; isShuffled?: boolean } = {},
    ): Move<World> => ({
      label: `${orderId}: ${label}`,
      isProgress: cost === undefined,
      next: {
        orders: world.orders.with(index, skipAhead(next)),
        stock,
        budget: cost === undefined ? world.budget : { ...world.budget, [cost]: world.budget[cost] - 1 },
        isShuffled: world.isShuffled || isShuffled,
      },
    });

    if (of.order.sagaState === 'PENDING') {
      for (const inputKind of ['Accept', 'Reject'] as const) {
        const next = appliesInput(of, inputKind, table);
        if (next !== undefined) yield move(`the worker decides: ${inputKind}`, next);
      }
    }

    for (const reader of allReaders) {
      const messages = of.topics[readers[reader]];
      const offset = of.offsets[reader];
      const message = messages[offset];
      if (message !== undefined) {
        const { of: next, stock } = takes(of, world.stock, reader, message, table);
        const offsets = { ...next.offsets, [reader]: offset + 1 };
        yield move(`${reader}: reads ${message}`, { ...next, offsets }, { stock });
      }
      if (world.budget.repeats === 0) continue;
      for (const other of new Set(messages)) {
        const first = messages.indexOf(other);
        if (other === message || isSkipped(reader, other)) continue;
        const { of: next, stock } = takes(of, world.stock, reader, other, table);
        if (next === of) continue;
        const isShuffled = first > offset;
        const how = isShuffled ? 'gets too early' : 'gets again';
        yield move(`${reader}: ${how} ${other}`, next, { cost: 'repeats', stock, isShuffled });
      }
    }

    if (world.budget.cancels > 0) {
      const next = appliesInput(of, 'Cancel', table);
      if (next !== undefined) yield move('a caller cancels it', next, { cost: 'cancels' });
    }
    if ((world.budget.deadlines > 0 || of.isDelayed) && of.isWatched) {
      const { state } = sagaStates[of.order.sagaState];
      const deadline = deadlineOf({ state, requeried: of.order.requeried });
      const next = appliesInput(of, deadline, table);
      if (next !== undefined) yield move(deadline, next, of.isDelayed ? {} : { cost: 'deadlines' });
    }
    if (world.budget.forgeries > 0) {
      yield move('another process forges InventoryReserved', forges(of), { cost: 'forgeries' });
    }
    if (
      world.budget.refunds > 0 &&
      sagaStates[of.order.sagaState].state === 'COMPLETED' &&
      of.payment?.state === 'PROCESSED' &&
      of.payment.completed
    ) {
      const next = pays(of, {
        kind: 'refund_requested',
        reason: 'search',
        callerId: 'search',
        isOrderUnknown: false,
      });
      yield move('an administrator refunds it', next, { cost: 'refunds' });
    }

    yield* gatewayMoves(of, world.budget, move);
  }
}

type MoveOf = (label: string, next: OrderWorld, more?: { cost?: keyof Budget }) => Move<World>;

/** Calls are stored, arrive or not, get a response or not; and the process that made them may crash at any time. */
function* gatewayMoves(of: OrderWorld, budget: Budget, move: MoveOf): Generator<Move<World>> {
  const isAwaiting = of.calls.some(({ isAwaited }) => isAwaited);
  const mayFail = budget.faults > 0;
  if (of.payment?.nextAttemptTime !== undefined) {
    const next = pays(of, { kind: 'due' });
    const call = next.calls.at(-1)?.call;
    const label = `payment stores ${call?.kind} ${call?.key}`;
    if (!isAwaiting) yield move(label, next);
    else if (mayFail) yield move(`${label}, while the last call is frozen`, next, { cost: 'faults' });
  }
  for (const [index, flying] of of.calls.entries()) {
    const { call, isAwaited, reply } = flying;
    const name = `${call.kind} ${call.key}`;
    const become = (changed: FlyingCall | undefined, base: OrderWorld = of): OrderWorld => ({
      ...base,
      calls: changed === undefined ? base.calls.toSpliced(index, 1) : base.calls.with(index, changed),
    });
    if (reply === undefined) {
      for (const arrival of arrives(of.charges, call, mayFail)) {
        const isPutOff = arrival.reply === 'temporarily_declined' && of.charges[call.key] === undefined;
        const next = become(isAwaited ? { ...flying, reply: arrival.reply } : undefined, {
          ...of,
          charges: arrival.charges,
        });
        const more = isPutOff ? { cost: 'faults' as const } : {};
        yield move(`the gateway executes ${name}: ${arrival.reply}`, next, more);
      }
    }
    if (!isAwaited) {
      yield move(`${name} never arrives`, become(undefined));
      continue;
    }
    const recorded = (outcome: Outcome, changed?: FlyingCall) =>
      pays(become(changed), { kind: 'called', call, outcome });
    if (reply !== undefined) yield move(`payment records ${name}: ${reply}`, recorded(outcomeOf(reply)));
    if (!mayFail) continue;
    const stillInFlight = reply === undefined ? { ...flying, isAwaited: false } : undefined;
    const cost = 'faults' as const;
    yield move(`the reply to ${name} is lost`, recorded({ kind: 'unknown', detail: '' }, stillInFlight), {
      cost,
    });
    yield move(`payment crashes before it records ${name}`, become(stillInFlight), { cost });
    if (reply === undefined) {
      yield move(`the gateway is unavailable for ${name}`, recorded({ kind: 'unreachable', detail: '' }), {
        cost,
      });
    }
  }
}

function outcomeOf(reply: NonNullable<FlyingCall['reply']>): Outcome {
  if (reply === 'approved') return { kind: reply, transactionId: 'tx' };
  if (reply === 'voided' || reply === 'refunded') return { kind: reply };
  return { kind: reply, code: 'code' };
}

/** Skips messages that do not concern a reader at once: they change nothing, whenever they are read. */
function skipAhead(of: OrderWorld): OrderWorld {
  const offsets = { ...of.offsets };
  let isChanged = false;
  for (const reader of allReaders) {
    const messages = of.topics[readers[reader]];
    for (
      let next = messages[offsets[reader]];
      next !== undefined && isSkipped(reader, next);
      next = messages[offsets[reader]]
    ) {
      offsets[reader] += 1;
      isChanged = true;
    }
  }
  return isChanged ? { ...of, offsets } : of;
}
