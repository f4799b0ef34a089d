import { mergeConfig } from 'vitest/config';
import { suite } from '../vitest.shared.ts';

export default mergeConfig(suite({ name: 'long', stack: true, testTimeout: 400_000 }), {
  test: { fileParallelism: false },
});
