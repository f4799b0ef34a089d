import { mergeConfig } from 'vitest/config';
import { suite } from '../vitest.shared.ts';

export default mergeConfig(suite({ stack: true }), {
  // In a fresh clone the first file builds the Go programs, and the others use them.
  test: { fileParallelism: false, maxConcurrency: 8 },
});
