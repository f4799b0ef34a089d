import type { Customer, Lookup, Product } from '../domain/enrichment.ts';
import { judge, type Lookups, needs, type Terms, type Verdict } from '../domain/judge.ts';
import { type ProductReference, referenceKey, type Submission } from '../domain/submission.ts';
import type { Enrichment } from '../ports.ts';

/** Judges orders from the cache first; for those that it would reject, reads from the API and judges again. */
export async function judgeAll(
  submissions: readonly Submission[],
  enrichment: Enrichment,
  terms: Terms,
): Promise<Map<Submission, Verdict>> {
  const wanted = submissions.map(needs);
  const loaded = new LoadedLookups();
  await loaded.load(
    enrichment,
    wanted.flatMap(({ customers }) => customers),
    wanted.flatMap(({ products }) => products),
    { fresh: false },
  );
  const verdicts = new Map<Submission, Verdict>();
  const judgeNow = (submission: Submission) => {
    const verdict = judge(submission, loaded, terms);
    verdicts.set(submission, verdict);
    return verdict;
  };
  const unconfirmed = submissions.flatMap((submission) => {
    const verdict = judgeNow(submission);
    return verdict.kind === 'confirm' ? [{ submission, verdict }] : [];
  });

  // One round is enough: it reads everything for which any of these orders would be rejected.
  if (unconfirmed.length > 0) {
    await loaded.load(
      enrichment,
      unconfirmed.flatMap(({ verdict }) => verdict.customers),
      unconfirmed.flatMap(({ verdict }) => verdict.products),
      { fresh: true },
    );
    for (const { submission } of unconfirmed) judgeNow(submission);
  }
  return verdicts;
}

/** The lookups of customers and products so far. */
class LoadedLookups implements Lookups {
  readonly #customers = new Map<string, Lookup<Customer>>();
  readonly #products = new Map<string, Lookup<Product>>();

  async load(
    enrichment: Enrichment,
    customers: readonly string[],
    products: readonly ProductReference[],
    options: { fresh: boolean },
  ): Promise<void> {
    const references = new Map(products.map((reference) => [referenceKey(reference), reference]));
    const [newCustomers, newProducts] = await Promise.all([
      enrichment.customers([...new Set(customers)], options),
      enrichment.products([...references.values()], options),
    ]);
    for (const [id, lookup] of newCustomers) this.#customers.set(id, lookup);
    for (const [key, lookup] of newProducts) this.#products.set(key, lookup);
  }

  customer(id: string): Lookup<Customer> {
    return this.#customers.get(id) ?? { status: 'unavailable', cause: `customer ${id} was not looked up` };
  }

  product(reference: ProductReference): Lookup<Product> {
    const key = referenceKey(reference);
    return this.#products.get(key) ?? { status: 'unavailable', cause: `product ${key} was not looked up` };
  }
}
