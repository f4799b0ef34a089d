import { expect, test } from 'vitest';
import { decide } from '../src/domain/decide.ts';
import type { Call, Input, Outcome, Terms } from '../src/domain/input.ts';
import type { Waiting } from '../src/domain/payable.ts';
import { type Payment, replyOf } from '../src/domain/payment.ts';
import { accepted, reserved, toPay } from './states.ts';

// Searches every world that the rules can lead to: all orders of events and calls, responses lost, calls carried out
// late or never or refused, several instances at once, a refund made elsewhere, a forged
// reservation that is none. Time stands still, so everything that will be due is due now.

const terms: Terms = { retryDelaysMs: [0], settleIntervalMs: 0, refusedIntervalMs: 0, callTimeoutMs: 0 };
const now = new Date(0);
const maxCalls = 4;

const forged: Input = { ...toPay({ amount: 1n })[1], record: 'forged' };

const refund = { kind: 'refund_requested', reason: 'r', callerId: 'c', isOrderUnknown: false } as const;

/** What a key has come to at the gateway. */
type Key =
  | 'charged'
  | 'declined'
  | 'not now'
  | 'voided'
  | 'refunded'
  | 'refunded elsewhere'
  | 'refunded twice';

/** A call that was written down: not yet carried out, or carried out and not yet recorded. */
interface OpenCall {
  readonly call: Call;
  readonly outcome?: Outcome;
  /** The caller no longer waits for the response, but the gateway may still carry it out. */
  readonly givenUp?: true;
}

interface World {
  readonly waiting?: Waiting | undefined;
  readonly payment: Payment | undefined;
  /** The order service has said what is to be paid. */
  readonly isAccepted: boolean;
  readonly gateway: Readonly<Record<string, Key>>;
  readonly open: readonly OpenCall[];
  readonly published: readonly string[];
}

interface Step {
  readonly name: string;
  readonly world: World;
}

/** What the gateway can make of a call: by its contract a key that was used keeps its outcome. */
function carriedOut(
  { kind, key }: Call,
  gateway: World['gateway'],
  chargeKey: string,
): [Outcome, World['gateway']][] {
  const used = gateway[key];
  const approved: Outcome = { kind: 'approved', transactionId: 'ch' };
  switch (kind) {
    case 'CHARGE':
      if (used === 'charged' || used === 'refunded') return [[approved, gateway]];
      if (used === 'declined') return [[{ kind: 'declined', code: '' }, gateway]];
      if (used === 'not now') return [[{ kind: 'temporarily_declined', code: '' }, gateway]];
      if (used === 'voided') return [[{ kind: 'voided' }, gateway]];
      return [
        [approved, { ...gateway, [key]: 'charged' }],
        [
          { kind: 'declined', code: '' },
          { ...gateway, [key]: 'declined' },
        ],
        [
          { kind: 'temporarily_declined', code: '' },
          { ...gateway, [key]: 'not now' },
        ],
      ];
    case 'VOID':
      // It may refuse what is not voided yet, and its ledger then says no better.
      return [
        [{ kind: 'voided' }, { ...gateway, [key]: 'voided' }],
        ...(used === 'voided' || used === 'refunded' ? [] : [refusal(gateway)]),
      ];
    case 'REFUND': {
      const unrefunded = gateway[chargeKey];
      expect(
        ['charged', 'refunded', 'refunded elsewhere'],
        'a refund is asked for what stands charged',
      ).toContain(unrefunded);
      // The gateway does not know of a refund made elsewhere.
      const next = unrefunded === 'refunded elsewhere' ? 'refunded twice' : 'refunded';
      return [
        [{ kind: 'refunded' }, { ...gateway, [chargeKey]: next }],
        ...(unrefunded === 'refunded' ? [] : [refusal(gateway)]),
      ];
    }
  }
}

function refusal(gateway: World['gateway']): [Outcome, World['gateway']] {
  return [{ kind: 'refused', detail: 'no' }, gateway];
}

/** The charge is settled by hand. */
function settledByHand(world: World): Step[] {
  const { payment, gateway, open } = world;
  const key = `o-1:${payment?.keyNumber}`;
  const settled = apply(world, 'settled by hand', { kind: 'settled_by_hand', reason: 'r', callerId: 'c' });
  if (payment === undefined || settled.every((step) => step.world.payment === payment)) return [];
  // By then every call in flight has arrived or never will; but the latest call may be in progress.
  const latest = open.filter(
    ({ call, outcome }) => outcome !== undefined || call.number === payment.attempts,
  );
  const truth = payment.state === 'SETTLING' ? 'voided' : 'refunded elsewhere';
  return settled.map(({ name, world: next }) => ({
    name,
    world: { ...next, open: latest, gateway: { ...gateway, [key]: truth } },
  }));
}

function apply(world: World, name: string, input: Input): Step[] {
  const current = world.payment ?? world.waiting;
  const { next, reply, call, contradiction, refused } = decide(current, input, 'o-1', now, terms);
  if (contradiction !== undefined) {
    expect(next).toBe(current);
    return [];
  }
  if (refused !== undefined) expect(refused.record).toBe('forged');
  const isWaiting = next?.state === 'WAITING';
  const payment = isWaiting ? undefined : next;
  if (reply !== undefined) {
    expect(payment?.nextAttemptTime === undefined && payment && replyOf(payment)).toBe(reply);
  }
  // The same event again.
  const isRepeat = input.kind === 'requeried' || payment?.answerTime === world.payment?.answerTime;
  const published = reply === undefined || isRepeat ? world.published : [...world.published, reply];
  const open = call === undefined ? world.open : [...world.open, { call }];
  const isAccepted = world.isAccepted || input.kind === 'accepted';
  const waiting = isWaiting ? next : undefined;
  return [{ name, world: { ...world, payment, waiting, isAccepted, open, published } }];
}

function steps(world: World): Step[] {
  const found: Step[] = [
    ...apply(world, 'accepted', accepted),
    ...apply(world, 'reserved', reserved),
    ...apply(world, 'forged', forged),
    ...apply(world, 'again', { kind: 'requeried' }),
    ...apply(world, 'refund', refund),
    ...apply(world, 'refund of an order that is not known', { ...refund, isOrderUnknown: true }),
    ...settledByHand(world),
  ];
  // The order service asks for a cancel until the order is completed, and completes only what was paid and is not
  // cancelled.
  if (!world.payment?.completed) found.push(...apply(world, 'cancel', { kind: 'cancel_requested' }));
  if (world.payment?.state === 'PROCESSED') found.push(...apply(world, 'completed', { kind: 'completed' }));
  if ((world.payment?.attempts ?? 0) < maxCalls) found.push(...apply(world, 'due', { kind: 'due' }));

  // The charge is refunded at the gateway itself; its ledger says so.
  for (const [key, used] of Object.entries(world.gateway)) {
    if (used !== 'charged' || world.payment?.state !== 'REFUNDING') continue;
    const gateway = { ...world.gateway, [key]: 'refunded' } as const;
    found.push({ name: `${key} refunded at the gateway`, world: { ...world, gateway } });
  }

  for (const [index, { call, outcome, givenUp }] of world.open.entries()) {
    const others = world.open.filter((_, other) => other !== index);
    const record = (ended: Outcome, gateway = world.gateway) =>
      apply({ ...world, gateway, open: others }, `${call.kind} ${call.number} ${ended.kind}`, {
        kind: 'called',
        call,
        outcome: ended,
      });
    if (outcome !== undefined) {
      found.push(...record(outcome), ...record({ kind: 'unknown', detail: '' }));
      // The process dies before it records anything.
      found.push({ name: `${call.kind} ${call.number} forgotten`, world: { ...world, open: others } });
      continue;
    }
    if (!givenUp) {
      found.push(...record({ kind: 'unreachable', detail: '' }));
      for (const step of record({ kind: 'unknown', detail: '' })) {
        const open = [...step.world.open, { call, givenUp: true } as const];
        found.push({ name: `${step.name}, on its way`, world: { ...step.world, open } });
      }
    }
    const chargeKey = `o-1:${world.payment?.keyNumber}`;
    for (const [ended, gateway] of carriedOut(call, world.gateway, chargeKey)) {
      const open = givenUp ? others : world.open.with(index, { call, outcome: ended });
      found.push({
        name: `${call.kind} ${call.number} at the gateway: ${ended.kind}`,
        world: { ...world, gateway, open },
      });
    }
  }
  return found;
}

function problemOf({ payment, isAccepted, gateway, open, published }: World): string | undefined {
  const unrefunded = Object.values(gateway).filter((key) => key === 'charged').length;
  if (unrefunded > 1) return 'two charges stand';
  if (Object.values(gateway).includes('refunded twice')) return 'a charge was refunded twice';
  if (new Set(published).size !== published.length) return 'an answer was given twice as if it were new';
  if (payment === undefined) return undefined;
  if (payment.attempts > 0 && !isAccepted) return 'asked to charge what the order service has not said';
  if (payment.customerId !== undefined && payment.amount !== accepted.payable.amount) {
    return 'charged what a reservation said, and not the order service';
  }
  const {
    state,
    keyNumber,
    cancelRequested,
    completed,
    nextAttemptTime,
    unknown,
    tries,
    problem,
    refund: refundRequest,
  } = payment;

  for (let number = 1; number < keyNumber; number++) {
    if (gateway[`o-1:${number}`] !== 'not now') return 'the key rose without a definite "not now"';
  }
  if (unknown < 0 || tries < 0) return 'a call was counted twice';
  const isFinal = ['FAILED', 'VOIDED', 'REFUNDED'].includes(state);
  if (isFinal && unrefunded > 0) return `money is kept by a payment that is ${state}`;
  const isUndone = isFinal || state === 'REFUNDING' || state === 'PROCESSED';
  const canCharge = open.some(
    ({ call, outcome }) => call.kind === 'CHARGE' && outcome === undefined && gateway[call.key] === undefined,
  );
  if (isUndone && canCharge) return `a payment that is ${state} can still be charged`;
  if (state === 'PROCESSED' && unrefunded !== 1) return 'a payment that is processed was not charged';
  if (state === 'REFUNDING' && !cancelRequested && !completed && refundRequest === undefined)
    return 'refunded without a cause';
  const isWaiting = ['PENDING', 'SETTLING', 'REFUNDING'].includes(state);
  if (problem !== undefined && state !== 'SETTLING' && state !== 'REFUNDING')
    return `${state}, and has a problem`;
  if (isWaiting !== (nextAttemptTime !== undefined)) return `${state}, and what is due does not fit`;
  return undefined;
}

/** Worlds that differ only in the order in which calls or fields were written down are one. */
const keyOf = ({ open, payment, ...world }: World) =>
  JSON.stringify(
    {
      ...world,
      payment: payment && Object.fromEntries(Object.entries(payment).toSorted(byName)),
      open: open.toSorted((a, b) => a.call.number - b.call.number),
    },
    (_, value) => (typeof value === 'bigint' ? value.toString() : value),
  );
const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

/** Visits every reachable world; returns their number, and the path to the first bad one. */
function search(start: World): { seen: number; trace: string[] | undefined } {
  const cameFrom = new Map<string, { from: string | undefined; name: string }>();
  const queue: World[] = [start];
  cameFrom.set(keyOf(start), { from: undefined, name: 'start' });
  for (let index = 0; index < queue.length; index++) {
    const world = queue[index] as World;
    const key = keyOf(world);
    const problem = problemOf(world);
    if (problem !== undefined) {
      const trace = [problem];
      for (let at: string | undefined = key; at !== undefined; at = cameFrom.get(at)?.from) {
        trace.unshift(cameFrom.get(at)?.name ?? '');
      }
      return { seen: cameFrom.size, trace };
    }
    for (const { name, world: reached } of steps(world)) {
      const reachedKey = keyOf(reached);
      if (cameFrom.has(reachedKey)) continue;
      cameFrom.set(reachedKey, { from: key, name });
      queue.push(reached);
    }
  }
  return { seen: cameFrom.size, trace: undefined };
}

test('in no world is money kept for what is not confirmed, or taken twice', { timeout: 240_000 }, () => {
  const start = { payment: undefined, isAccepted: false, gateway: {}, open: [], published: [] };
  const { seen, trace } = search(start);
  expect(trace).toBeUndefined();
  console.log(`${seen} worlds`);
  expect(seen).toBeGreaterThan(5_000);
});
