/** How single items are gathered into calls. */
export interface CoalesceOptions<Item> {
  /** The maximum number of items in one call. */
  readonly maxItems: number;
  /** The longest time an item waits for the call in flight, in milliseconds. */
  readonly maxWaitMs: number;
  /** Two items that share one of these keys never go into the same call. */
  readonly conflictKeys?: (item: Item) => readonly string[];
  /** Whether the items of a call that failed with this error are retried individually. */
  readonly retryIndividually?: (error: unknown) => boolean;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Coalesces single items into calls: items that arrive while a call is in flight go into the next one together. An item
 * that arrives while none is in flight is not delayed. `work` returns results in the order of the items; it runs in the
 * trace of one of them.
 */
export function coalesce<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  { maxItems, maxWaitMs, conflictKeys = () => [], retryIndividually = () => false }: CoalesceOptions<Item>,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let inFlight = 0;
  let timer: NodeJS.Timeout | undefined;
  let starting = false;

  /** Takes the items of the next call, first come, first served. */
  function nextBatch(): Waiting<Item, Result>[] {
    const names = new Set<string>();
    const batch: Waiting<Item, Result>[] = [];
    waiting = waiting.filter((entry) => {
      const own = conflictKeys(entry.item);
      if (batch.length >= maxItems || own.some((name) => names.has(name))) return true;
      for (const name of own) names.add(name);
      batch.push(entry);
      return false;
    });
    return batch;
  }

  async function run(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await work(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (batch.length > 1 && retryIndividually(error)) {
        await Promise.all(batch.map((entry) => run([entry])));
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  function start(): void {
    clearTimeout(timer);
    timer = undefined;
    starting = false;
    const batch = nextBatch();
    inFlight += 1;
    void run(batch).then(() => {
      inFlight -= 1;
      if (waiting.length > 0 && !starting) start();
    });
    if (waiting.length > 0) timer = setTimeout(start, maxWaitMs);
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (starting) return;
      if (inFlight > 0) {
        timer ??= setTimeout(start, maxWaitMs);
        return;
      }
      // Deferred, so that items that arrive in the same tick go into the same call.
      starting = true;
      setImmediate(start);
    });
}
