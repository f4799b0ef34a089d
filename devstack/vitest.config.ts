import { mergeConfig } from 'vitest/config';
import { suite } from '../vitest.shared.ts';

export default mergeConfig(suite({ stack: false }), {
  // Real servers: one file at a time leaves them the processor, and a first run downloads them.
  test: { fileParallelism: false, hookTimeout: 300_000 },
});
