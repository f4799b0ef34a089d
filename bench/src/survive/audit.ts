import { type Content, type Expected, type ExpectedOrder, textOf } from './oracle.ts';

/** What one store holds about one order: the fields that this store has. */
export interface Effect {
  /** ACCEPTED, REJECTED, or what else the store says. */
  readonly outcome: string;
  readonly customerId?: string;
  readonly names?: string;
  readonly lines?: string;
  readonly total?: bigint;
}

/** Everything that a contender has left in its stores. */
export interface Observed {
  /** For each store, its effects by order id. */
  readonly stores: Readonly<Record<string, ReadonlyMap<string, readonly Effect[]>>>;
  readonly deadLetters: readonly Buffer[];
}

/** Ids of orders, or values that are no order; each in no more than one list. */
export interface Damage {
  /** To be accepted, and missing in at least one store. */
  readonly lost: readonly string[];
  /** Twice in one store. */
  readonly doubled: readonly string[];
  /** Of other content than sent, accepted though to be refused, or refused though to be accepted. */
  readonly wrong: readonly string[];
  /** To be refused, and there is neither a decision nor a dead letter that says so. */
  readonly untraced: readonly string[];
}

/** Compares what is stored with what was sent. */
export function audit(expected: Expected, { stores, deadLetters }: Observed): Damage {
  const damage: { [kind in keyof Damage]: string[] } = { lost: [], doubled: [], wrong: [], untraced: [] };
  const letters = new Set(deadLetters.map(textOf));
  for (const order of expected.orders.values()) {
    const effects = Object.values(stores).map((store) => store.get(order.orderId) ?? []);
    const kind = damageOf(order, effects, letters);
    if (kind !== undefined) damage[kind].push(order.orderId);
  }
  const stored = new Set(Object.values(stores).flatMap((store) => [...store.keys()]));
  const neverSent = [...stored].filter((id) => !expected.orders.has(id));
  damage.wrong.push(...neverSent);
  for (const value of expected.unreadable) {
    if (!letters.has(value) && !neverSent.some((id) => value.includes(id))) damage.untraced.push(value);
  }
  return damage;
}

function damageOf(
  { contents }: ExpectedOrder,
  stores: readonly (readonly Effect[])[],
  letters: ReadonlySet<string>,
): keyof Damage | undefined {
  const isRefused = ({ values }: Content) => [...values].some((value) => letters.has(value));
  const isAcceptable = contents.some(({ outcome }) => outcome === 'ACCEPTED');
  const effects = stores.flat();
  if (effects.length === 0) {
    if (!isAcceptable) return contents.every(isRefused) ? undefined : 'untraced';
    return contents.every(isRefused) ? 'wrong' : 'lost';
  }
  // Each effect must be of a content that was sent, and where none is doubled all must be of the same.
  if (!effects.every((effect) => contents.some((content) => matches(effect, content)))) return 'wrong';
  if (stores.some((each) => each.length > 1)) return 'doubled';
  const winner = contents.find((content) => effects.every((effect) => matches(effect, content)));
  if (winner === undefined || isRefused(winner)) return 'wrong';
  if (stores.some((each) => each.length === 0)) return 'lost';
  return contents.every((content) => content === winner || isRefused(content)) ? undefined : 'untraced';
}

/** Whether what a store holds is what this content must lead to. Of a rejected order only the outcome counts. */
function matches(effect: Effect, content: Content): boolean {
  if (effect.outcome !== content.outcome) return false;
  if (content.outcome === 'REJECTED') return true;
  return (['customerId', 'names', 'lines', 'total'] as const).every(
    (field) => effect[field] === undefined || effect[field] === content[field],
  );
}
