import { hash } from 'node:crypto';

/** One possible transition of a state. */
export interface Move<State> {
  /** For the trace. */
  readonly label: string;
  readonly next: State;
  /** It happens eventually without a fault, a caller or a deadline. */
  readonly isProgress: boolean;
}

/** A space to be searched: all states that are reachable from the first one. */
export interface Space<State> {
  readonly initial: State;
  /** Equal for states with the same future. */
  key(state: State): string;
  moves(state: State): Iterable<Move<State>>;
  /** The violated invariant, as a sentence; undefined when there is none. */
  problem(state: State): string | undefined;
  /** Whether nothing is left to do. */
  isEnd(state: State): boolean;
}

/** The result of a search. */
export interface Found {
  readonly states: number;
  readonly ends: number;
  /** The shortest path to the first problem; undefined when there is none. */
  readonly trace: { readonly problem: string; readonly steps: readonly string[] } | undefined;
}

/**
 * Searches every state, nearest first. Stops at the first problem; at the end looks for states from which no end is
 * reachable by progress alone.
 * @throws Error when there are more than `limit` states.
 */
export function searchAll<State>(space: Space<State>, limit = 2_000_000): Found {
  const indexOf = new Map<string, number>();
  const parents: number[] = [];
  const labels: string[] = [];
  const isEnd: boolean[] = [];
  const progress: { from: number; to: number }[] = [];
  let frontier: { index: number; state: State }[] = [];
  let ends = 0;

  /** The index of a state, and whether it is new. */
  function visit(state: State, parent: number, label: string): { index: number; isNew: boolean } {
    // The keys themselves would fill the memory.
    const key = hash('sha1', space.key(state), 'base64');
    const known = indexOf.get(key);
    if (known !== undefined) return { index: known, isNew: false };
    const index = parents.length;
    if (index >= limit) throw new Error(`more than ${limit} states: make the world smaller`);
    indexOf.set(key, index);
    parents.push(parent);
    labels.push(label);
    const end = space.isEnd(state);
    isEnd.push(end);
    if (end) ends += 1;
    return { index, isNew: true };
  }

  function stepsTo(index: number): string[] {
    const steps: string[] = [];
    for (let at = index; at > 0; at = parents[at] as number) steps.unshift(labels[at] as string);
    return steps;
  }

  const first = visit(space.initial, 0, '');
  frontier.push({ index: first.index, state: space.initial });
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { index, state } of frontier) {
      const problem = space.problem(state);
      if (problem !== undefined) {
        return { states: parents.length, ends, trace: { problem, steps: stepsTo(index) } };
      }
      for (const move of space.moves(state)) {
        const target = visit(move.next, index, move.label);
        if (target.isNew) next.push({ index: target.index, state: move.next });
        if (move.isProgress) progress.push({ from: index, to: target.index });
      }
    }
    frontier = next;
  }

  const hopeless = firstWithoutEnd(isEnd, progress);
  const trace =
    hopeless === undefined
      ? undefined
      : { problem: 'from here on no end is reachable by progress', steps: stepsTo(hopeless) };
  return { states: parents.length, ends, trace };
}

/** The first state from which no end can be reached. */
function firstWithoutEnd(
  isEnd: readonly boolean[],
  edges: readonly { readonly from: number; readonly to: number }[],
): number | undefined {
  const before = new Map<number, number[]>();
  for (const { from, to } of edges) {
    const list = before.get(to);
    if (list === undefined) before.set(to, [from]);
    else list.push(from);
  }
  const reaches = [...isEnd];
  const queue = reaches.flatMap((end, index) => (end ? [index] : []));
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const from of before.get(at) ?? []) {
      if (reaches[from]) continue;
      reaches[from] = true;
      queue.push(from);
    }
  }
  const found = reaches.indexOf(false);
  return found < 0 ? undefined : found;
}

/** Formats a trace. */
export function shownTrace({ problem, steps }: NonNullable<Found['trace']>): string {
  return [...steps.map((step, index) => `${index + 1}. ${step}`), `=> ${problem}`].join('\n');
}
