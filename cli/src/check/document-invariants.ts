import { differenceOf } from './document.ts';
import type { Facts } from './facts.ts';
import { type Finding, findingOf, forOrders } from './finding.ts';

/** Holds the documents against the decisions. */
export function documentsSayTheDecision({ decisions, documents }: Facts): Finding {
  const own = findingOf(
    'MongoDB shows every decision as Postgres holds it',
    decisions,
    ([id]) => id,
    ([id, decision]) => differenceOf(documents.get(id), decision),
  );
  const strangers = [...documents.values()].filter(
    ({ _id, outcome }) => outcome !== undefined && !decisions.has(_id),
  );
  return {
    ...own,
    violations: [...own.violations, ...strangers.map(({ _id }) => `${_id}: shown, but never decided`)],
  };
}

/** Holds the progress of the documents against the orders. */
export function progressFollows(facts: Facts): Finding {
  return forOrders(facts, 'the progress in MongoDB is the state in Postgres', ({ id, state, version }) => {
    if (version === 0) return undefined;
    const progress = facts.documents.get(id)?.progress;
    const follows =
      progress !== undefined && Number(progress.version) === version && progress.state === state;
    return follows
      ? undefined
      : `${state} at ${version}, shown as ${progress?.state} at ${progress?.version}`;
  });
}
