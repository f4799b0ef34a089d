import { expect, test } from 'vitest';
import type { BacklogMark, DeadlineKind } from '../src/ports.ts';
import { createDeadlineWatch } from '../src/use-cases/fire-deadlines.ts';

/** A backlog that a test works off, and what was fired. */
function watched() {
  const state = { due: new Set<DeadlineKind>(), worked: false, slices: 0 };
  const fired: string[] = [];
  let clock = 0;
  const watch = createDeadlineWatch<BacklogMark & { kind: DeadlineKind }>({
    backlog: {
      async mark(kind) {
        clock += 1;
        return state.due.has(kind) ? { time: new Date(clock), kind } : undefined;
      },
      isWorkedOff: async () => state.worked,
    },
    async fireSlice(kind, before) {
      fired.push(`${kind} before ${before.getTime()}`);
      state.slices -= 1;
      return Math.max(0, state.slices + 1);
    },
  });
  return { state, fired, watch };
}

test('nothing is fired before all that was there at the mark is worked off, and then what was due before it', async () => {
  const { state, fired, watch } = watched();
  state.due.add('decided');
  await watch();
  expect(await watch()).toEqual([{ kind: 'decided', since: new Date(2) }]);
  expect(fired).toEqual([]);
  state.worked = true;
  expect(await watch()).toEqual([]);
  // The mark is from the first look (one for each kind), not from when the backlog was over.
  expect(fired).toEqual(['decided before 2']);
});

test('slices are fired until one changes nothing', async () => {
  const { state, fired, watch } = watched();
  state.due.add('undecided');
  state.worked = true;
  state.slices = 2;
  await watch();
  expect(fired).toHaveLength(3);
});

test('what becomes due later waits for a mark of its own', async () => {
  const { state, fired, watch } = watched();
  state.due.add('decided');
  state.worked = true;
  await watch();
  await watch();
  expect(fired).toEqual(['decided before 2', 'decided before 4']);
});
