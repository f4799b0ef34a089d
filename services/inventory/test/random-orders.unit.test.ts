import { seededRandom } from '@orderflow/testing/seeded-random';
import { expect, test } from 'vitest';
import type { OrderEvent, Reservation } from '../src/domain/reservation.ts';
import { available, noStock, type Stock } from '../src/domain/stock.ts';
import { createHandleOrderEvents } from '../src/use-cases/handle-order-events.ts';
import { inMemoryInventory } from './in-memory-inventory.ts';
import { accepted, cancelRequested, confirmed, now, traced } from './kit.ts';

const onHand = { 'p-1': 30, 'p-2': 50, 'p-3': 20, 'p-4': 0, 'p-5': 200 };
const productIds = [...Object.keys(onHand), 'p-unknown'];

/** What is sent about one order, in the order in which it is true, some of it several times. */
function storyOf(orderId: string, random: () => number): OrderEvent[] {
  const pick = (limit: number) => Math.floor(random() * limit);
  const lines = Object.fromEntries(productIds.filter(() => random() < 0.25).map((id) => [id, 1 + pick(4)]));
  if (Object.keys(lines).length === 0) lines['p-5'] = 1;
  const end = [[], [confirmed(orderId)], [cancelRequested(orderId)]][pick(3)] ?? [];
  const story = [accepted(orderId, lines), ...end];
  return story.flatMap((event) =>
    Array.from({ length: 1 + pick(3) }, () => ({ ...event, requery: random() < 0.2 })),
  );
}

/** Moves events about: some a little, some to anywhere. */
function reorder(events: OrderEvent[], random: () => number): OrderEvent[] {
  return events
    .map((event, index) => ({
      event,
      place: index + random() * (random() < 0.1 ? events.length : 20),
    }))
    .sort((a, b) => a.place - b.place)
    .map(({ event }) => event);
}

function batchesOf(events: OrderEvent[], random: () => number): OrderEvent[][] {
  const batches: OrderEvent[][] = [];
  for (let start = 0; start < events.length; ) {
    const size = 1 + Math.floor(random() * 60);
    batches.push(events.slice(start, start + size));
    start += size;
  }
  return batches;
}

/** Added up over reservations: what is held and what has left, by product. */
function sumsOf(reservations: Iterable<Reservation>, state: string): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const reservation of reservations) {
    if (reservation.state !== state) continue;
    for (const { productId, quantity } of reservation.lines) {
      sums.set(productId, (sums.get(productId) ?? 0n) + quantity);
    }
  }
  return sums;
}

function checkBooks(stock: ReadonlyMap<string, Stock>, reservations: ReadonlyMap<string, Reservation>): void {
  const held = sumsOf(reservations.values(), 'RESERVED');
  const left = sumsOf(reservations.values(), 'COMMITTED');
  for (const [productId, atFirst] of Object.entries(onHand)) {
    const level = stock.get(productId) ?? noStock(productId);
    expect(level.reserved).toBe(held.get(productId) ?? 0n);
    expect(level.committed).toBe(left.get(productId) ?? 0n);
    expect(level.onHand + level.committed).toBe(BigInt(atFirst));
    expect(level.reserved >= 0n && available(level) >= 0n && level.onHand >= 0n).toBe(true);
  }
  expect(stock.has('p-unknown')).toBe(false);
}

/** What the replies must say, worked out in another way: from the stock before the batch, event by event. */
function expectShortLines(reservation: Reservation, before: ReadonlyMap<string, Stock>): void {
  const shortages = reservation.lines.filter((line) => line.available !== undefined);
  for (const { productId, quantity, available: had } of shortages) {
    expect(had !== undefined && had >= 0n && had < quantity).toBe(true);
    expect(had).toBe(available(before.get(productId) ?? noStock(productId)));
  }
  const served = reservation.lines.filter((line) => line.available === undefined);
  for (const { productId, quantity } of served) {
    expect(available(before.get(productId) ?? noStock(productId)) >= quantity).toBe(true);
  }
  expect(shortages.length > 0).toBe(reservation.state === 'UNAVAILABLE');
}

test.each(Array.from({ length: 40 }, (_, index) => index + 1))(
  'seed %i: whatever comes twice, late or in another order, stock adds up',
  async (seed) => {
    const random = seededRandom(seed);
    const inventory = inMemoryInventory(onHand);
    const handle = createHandleOrderEvents({ inTransaction: inventory.inTransaction, now: () => now });
    const stories = Array.from({ length: 60 }, (_, index) => storyOf(`o-${index + 1}`, random));
    const events = reorder(stories.flat(), random);
    const outcomes = new Set<string>();

    for (const batch of batchesOf(events, random)) {
      // One by one on a copy shows what each order found; the batch must come to the same.
      const copy = inMemoryInventory({});
      for (const [id, level] of inventory.stock) copy.stock.set(id, level);
      for (const [id, one] of inventory.reservations) copy.reservations.set(id, one);
      const single = createHandleOrderEvents({ inTransaction: copy.inTransaction, now: () => now });
      const oneByOne = [];
      for (const event of batch) {
        const before = new Map(copy.stock);
        const [decision] = await single([traced(event)]);
        if (decision?.kind === 'applied' && event.kind === 'accepted') {
          expectShortLines(decision.reservation, before);
        }
        oneByOne.push(decision);
      }

      const decisions = await handle(batch.map(traced));
      expect(decisions).toEqual(oneByOne);
      expect(inventory.stock).toEqual(copy.stock);
      expect(inventory.reservations).toEqual(copy.reservations);
      checkBooks(inventory.stock, inventory.reservations);
      for (const { kind } of decisions) outcomes.add(kind);
    }

    expect(outcomes).toEqual(new Set(['applied', 'republished', 'duplicate', 'contradiction']));
    const states = new Set([...inventory.reservations.values()].map(({ state }) => state));
    expect(states).toEqual(new Set(['RESERVED', 'UNAVAILABLE', 'RELEASED', 'COMMITTED']));

    // Once more, like replayed dead letters: early events can be applied now. After that nothing is left to do.
    await handle(events.map(traced));
    checkBooks(inventory.stock, inventory.reservations);
    const [stock, reservations] = [new Map(inventory.stock), new Map(inventory.reservations)];
    for (const decision of await handle(events.map(traced))) expect(decision.kind).not.toBe('applied');
    expect(inventory.stock).toEqual(stock);
    expect(inventory.reservations).toEqual(reservations);
  },
);
