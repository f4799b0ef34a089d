import { documentsSayTheDecision, progressFollows } from './document-invariants.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { chargedOnce, moneyAddsUp, paymentsAgree } from './money-invariants.ts';
import { eventsAreALegalPath, everyOrderEnds } from './order-invariants.ts';
import { answersNameOrders, deadLettersAreUnchanged, everyRecordIsAnOrder } from './record-invariants.ts';
import { reservationsAgree, stockAddsUp } from './stock-invariants.ts';

/** What must hold whenever nothing is under way, each against a store of its own. */
export function checkInvariants(facts: Facts): Finding[] {
  return [
    everyRecordIsAnOrder(facts),
    answersNameOrders(facts),
    everyOrderEnds(facts),
    eventsAreALegalPath(facts),
    documentsSayTheDecision(facts),
    progressFollows(facts),
    moneyAddsUp(facts),
    chargedOnce(facts),
    paymentsAgree(facts),
    stockAddsUp(facts),
    reservationsAgree(facts),
    deadLettersAreUnchanged(facts),
  ];
}
