import { differenceOf } from './document.ts';
import type { OrderFacts } from './facts.ts';
import { type Finding, findingOf, forOrders } from './finding.ts';

/** Compares the documents with the decisions. */
export function documentsSayTheDecision({ decisions, documents, letters }: OrderFacts): Finding {
  const refused = refusedBy(letters);
  const own = findingOf(
    'every document in MongoDB matches the decision in Postgres',
    decisions,
    ([id]) => id,
    ([id, decision]) => {
      const document = documents.get(id);
      if (document?.outcome === undefined && refused.has(id)) return undefined;
      return differenceOf(document, decision);
    },
  );
  const strangers = [...documents.values()].filter(
    ({ _id, outcome }) => outcome !== undefined && !decisions.has(_id),
  );
  return {
    ...own,
    violations: [...own.violations, ...strangers.map(({ _id }) => `${_id}: has a document, but no decision`)],
  };
}

/** The state of the payment by the state of the order; absent where there is nothing to pay. */
const shownPayments: Readonly<Record<string, string>> = {
  ACCEPTED: 'AWAITED',
  RESERVED: 'AWAITED',
  CONFIRMED: 'CHARGED',
  COMPLETED: 'CHARGED',
  CANCELLING: 'BEING_UNDONE',
  CANCELLED: 'UNDONE',
};

/** Compares the progress of the documents with the orders. */
export function progressFollows(facts: OrderFacts): Finding {
  const refused = refusedBy(facts.letters);
  return forOrders(
    facts,
    'the progress in MongoDB matches the state in Postgres',
    ({ id, state, version, refunded }) => {
      if (version === 0) return undefined;
      const progress = facts.documents.get(id)?.progress;
      // The first progress is written with the document.
      if (progress === undefined && version === 1 && refused.has(id)) return undefined;
      if (progress === undefined || Number(progress.version) !== version || progress.state !== state) {
        return `${state} at version ${version}, but the document has ${progress?.state} at version ${progress?.version}`;
      }
      const payment = refunded ? 'REFUNDED' : shownPayments[state];
      const shown = progress.payment?.state;
      return shown === payment
        ? undefined
        : `${state}, but the document has payment ${shown} instead of ${payment}`;
    },
  );
}

/** The orders whose documents MongoDB has refused, so that their records were dead-lettered. */
function refusedBy(letters: OrderFacts['letters']): ReadonlySet<string | undefined> {
  return new Set(letters.filter(({ reason }) => reason === 'DOCUMENT_REFUSED').map(({ orderId }) => orderId));
}
