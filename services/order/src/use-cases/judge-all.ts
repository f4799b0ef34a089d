import type { Customer, Lookup, Product } from '../domain/enrichment.ts';
import { judge, type Knowledge, needs, type Terms, type Verdict } from '../domain/judge.ts';
import { type ProductReference, referenceKey, type Submission } from '../domain/submission.ts';
import type { Enrichment } from '../ports.ts';

/** Judges orders with copies first; what would be rejected by a copy is read from the API and judged again. */
export async function judgeAll(
  submissions: readonly Submission[],
  enrichment: Enrichment,
  terms: Terms,
  now: Date,
): Promise<Map<Submission, Verdict>> {
  const wanted = submissions.map(needs);
  const known = new Known();
  await known.learn(
    enrichment,
    wanted.flatMap(({ customers }) => customers),
    wanted.flatMap(({ products }) => products),
    { fresh: false },
  );
  const verdicts = new Map<Submission, Verdict>();
  const judgeNow = (submission: Submission) => {
    const verdict = judge(submission, known, terms, now);
    verdicts.set(submission, verdict);
    return verdict;
  };
  const doubts = submissions.flatMap((submission) => {
    const verdict = judgeNow(submission);
    return verdict.kind === 'confirm' ? [{ submission, verdict }] : [];
  });

  // One round is enough: it reads everything that any of these orders would be rejected for.
  if (doubts.length > 0) {
    await known.learn(
      enrichment,
      doubts.flatMap(({ verdict }) => verdict.customers),
      doubts.flatMap(({ verdict }) => verdict.products),
      { fresh: true },
    );
    for (const { submission } of doubts) judgeNow(submission);
  }
  return verdicts;
}

/** What was learned about customers and products. */
class Known implements Knowledge {
  readonly #customers = new Map<string, Lookup<Customer>>();
  readonly #products = new Map<string, Lookup<Product>>();

  async learn(
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
    return this.#customers.get(id) ?? { status: 'unavailable', cause: `customer ${id} was not answered` };
  }

  product(reference: ProductReference): Lookup<Product> {
    const key = referenceKey(reference);
    return this.#products.get(key) ?? { status: 'unavailable', cause: `product ${key} was not answered` };
  }
}
