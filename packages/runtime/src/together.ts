/** How single questions are gathered. */
export interface TogetherOptions<Item> {
  /** At most so many in one call. */
  readonly size: number;
  /** How long a question waits at most for the call under way, in milliseconds. */
  readonly joinMs: number;
  /** Two that share one of these names are not asked in the same call. */
  readonly apart?: (item: Item) => readonly string[];
  /** Whether a call that failed says nothing about each of its questions: then each is asked alone. */
  readonly aloneAfter?: (error: unknown) => boolean;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets what is asked one by one be answered many at a time: questions that come while a call is under way go together
 * in the next one. A question that comes alone is asked at once. `work` answers in the order of the items; it runs in
 * the trace of one of them.
 */
export function together<Item, Answer>(
  work: (items: readonly Item[]) => Promise<readonly Answer[]>,
  { size, joinMs, apart = () => [], aloneAfter = () => false }: TogetherOptions<Item>,
): (item: Item) => Promise<Answer> {
  let waiting: Waiting<Item, Answer>[] = [];
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;
  let starting = false;

  /** What can go in one call, first come, first served. */
  function takeBatch(): Waiting<Item, Answer>[] {
    const names = new Set<string>();
    const batch: Waiting<Item, Answer>[] = [];
    waiting = waiting.filter((entry) => {
      const own = apart(entry.item);
      if (batch.length >= size || own.some((name) => names.has(name))) return true;
      for (const name of own) names.add(name);
      batch.push(entry);
      return false;
    });
    return batch;
  }

  async function run(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await work(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      if (batch.length > 1 && aloneAfter(error)) {
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
    const batch = takeBatch();
    underWay += 1;
    void run(batch).then(() => {
      underWay -= 1;
      if (waiting.length > 0 && !starting) start();
    });
    if (waiting.length > 0) timer = setTimeout(start, joinMs);
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (starting) return;
      if (underWay > 0) {
        timer ??= setTimeout(start, joinMs);
        return;
      }
      // Not at once: what arrives in the same moment goes along.
      starting = true;
      setImmediate(start);
    });
}
