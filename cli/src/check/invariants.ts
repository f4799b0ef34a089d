import { acceptedOrdersAreCounted, countsAddUp } from './count-invariants.ts';
import { documentsSayTheDecision, progressFollows } from './document-invariants.ts';
import type { OrderFacts, SharedFacts } from './facts.ts';
import type { Finding } from './finding.ts';
import { chargedOnce, moneyAddsUp, paymentsAgree } from './money-invariants.ts';
import { eventsAreALegalPath, everyOrderEnds } from './order-invariants.ts';
import {
  deadLettersAreUnchanged,
  everyBatchIsDecodedOrSkipped,
  everyRecordIsAnOrder,
  responsesNameOrders,
} from './record-invariants.ts';
import { reservationsAgree, stockAddsUp } from './stock-invariants.ts';

/** The invariants of a set of orders whenever nothing is in flight. */
export function checkOrders(facts: OrderFacts): Finding[] {
  return [
    everyRecordIsAnOrder(facts),
    responsesNameOrders(facts),
    everyOrderEnds(facts),
    eventsAreALegalPath(facts),
    documentsSayTheDecision(facts),
    progressFollows(facts),
    moneyAddsUp(facts),
    chargedOnce(facts),
    paymentsAgree(facts),
    reservationsAgree(facts),
    acceptedOrdersAreCounted(facts),
  ];
}

/** The invariants of all orders together. */
export function checkShared(facts: SharedFacts): Finding[] {
  return [
    stockAddsUp(facts),
    countsAddUp(facts),
    everyBatchIsDecodedOrSkipped(facts),
    deadLettersAreUnchanged(facts),
  ];
}
