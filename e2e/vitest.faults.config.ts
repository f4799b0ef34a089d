import { mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { suite } from '../vitest.shared.ts';

const longest = /\/(whole-crash-points|whole-rolling-restart)/;

/** Files that take minutes come first: the last one to begin must not be one that all others then wait for. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { long = [], short = [] } = Object.groupBy(await super.sort(files), ({ moduleId }) =>
      longest.test(moduleId) ? 'long' : 'short',
    );
    return [...long, ...short];
  }
}

// Constant restarts use both cores of a small machine, and measurements need a quiet one.
const alone = 'faults/@(chaos|fuzz|attacks).e2e.test.ts';
const sideBySide = 'faults/!(chaos|fuzz|attacks).e2e.test.ts';

export default mergeConfig(suite({ name: 'faults', stack: true, testTimeout: 400_000 }), {
  test: {
    // They run when no other suite runs.
    maxWorkers: 2,
    // Both take all files of the folder, except those of the other.
    projects: [
      {
        extends: true,
        test: {
          name: 'alone',
          exclude: [sideBySide],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'side by side',
          exclude: [alone],
          sequence: { groupOrder: 0, sequencer: LongestFirst },
        },
      },
    ],
  },
});
