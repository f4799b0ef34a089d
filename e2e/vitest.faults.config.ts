import { mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { suite } from '../vitest.shared.ts';

const longest = /\/(whole-crash-points|chaos)/;

/** Files that take minutes come first: the last one to begin must not be one that all others then wait for. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { long = [], short = [] } = Object.groupBy(await super.sort(files), ({ moduleId }) =>
      longest.test(moduleId) ? 'long' : 'short',
    );
    return [...long, ...short];
  }
}

export default mergeConfig(suite({ name: 'faults', stack: true, testTimeout: 180_000 }), {
  // They run when no other suite does.
  test: { maxWorkers: 2, sequence: { sequencer: LongestFirst } },
});
