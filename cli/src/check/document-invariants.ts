import { differenceOf } from './document.ts';
import type { Facts } from './facts.ts';
import { type Finding, findingOf, forOrders } from './finding.ts';

/** Holds the documents against the decisions. */
export function documentsSayTheDecision({ decisions, documents, letters }: Facts): Finding {
  const refused = refusedBy(letters);
  const own = findingOf(
    'MongoDB shows every decision as Postgres holds it',
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
    violations: [...own.violations, ...strangers.map(({ _id }) => `${_id}: shown, but never decided`)],
  };
}

/** Where the money is, by the state of the order; absent where there is nothing to pay. */
const shownPayments: Readonly<Record<string, string>> = {
  ACCEPTED: 'AWAITED',
  RESERVED: 'AWAITED',
  CONFIRMED: 'CHARGED',
  COMPLETED: 'CHARGED',
  CANCELLING: 'BEING_UNDONE',
  CANCELLED: 'UNDONE',
};

/** Holds the progress of the documents against the orders. */
export function progressFollows(facts: Facts): Finding {
  const refused = refusedBy(facts.letters);
  return forOrders(
    facts,
    'the progress in MongoDB is the state in Postgres',
    ({ id, state, version, refunded }) => {
      if (version === 0) return undefined;
      const progress = facts.documents.get(id)?.progress;
      // The first step is shown with the document.
      if (progress === undefined && version === 1 && refused.has(id)) return undefined;
      if (progress === undefined || Number(progress.version) !== version || progress.state !== state) {
        return `${state} at ${version}, shown as ${progress?.state} at ${progress?.version}`;
      }
      const payment = refunded ? 'REFUNDED' : shownPayments[state];
      const shown = progress.payment?.state;
      return shown === payment ? undefined : `${state}, its payment shown as ${shown} instead of ${payment}`;
    },
  );
}

/** The orders whose documents MongoDB has refused, so that they were set aside: they cannot be shown. */
function refusedBy(letters: Facts['letters']): ReadonlySet<string | undefined> {
  return new Set(letters.filter(({ reason }) => reason === 'DOCUMENT_REFUSED').map(({ orderId }) => orderId));
}
