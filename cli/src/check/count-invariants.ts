import { EnrichedOrder_Outcome } from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import type { OrderFacts, SharedFacts } from './facts.ts';
import { type Finding, findingOf, forOrders, withStrangers } from './finding.ts';

/** Compares the orders that are counted for customers with the decisions. */
export function acceptedOrdersAreCounted(facts: OrderFacts): Finding {
  const own = forOrders(
    facts,
    'every accepted order is counted for its customer, and no other order',
    ({ id }) => {
      const decision = facts.decisions.get(id);
      const isAccepted = decision?.outcome === EnrichedOrder_Outcome.ACCEPTED;
      const customerId = isAccepted ? decision.customer?.customer?.customerId : undefined;
      const counted = facts.counted.get(id)?.customerId;
      if (counted === customerId) return undefined;
      if (counted === undefined) return `accepted, and not counted for ${customerId}`;
      return customerId === undefined
        ? `never accepted, and counted for ${counted}`
        : `counted for ${counted} instead of ${customerId}`;
    },
  );
  return withStrangers(own, facts, facts.counted.keys(), 'the count of a customer includes');
}

/** Compares the counts of customers with the orders that are counted for them. */
export function countsAddUp({ orderCounts }: SharedFacts): Finding {
  return findingOf(
    "every customer's order count is the number of orders counted for the customer",
    orderCounts,
    ({ customerId }) => customerId,
    ({ orders, counted }) => (orders === counted ? undefined : `${orders} instead of ${counted} orders`),
  );
}
