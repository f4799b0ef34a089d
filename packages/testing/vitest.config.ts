import { mergeConfig } from 'vitest/config';
import { suite } from '../../vitest.shared.ts';

export default mergeConfig(suite({ stack: true }), {
  // A first run downloads the servers.
  test: { fileParallelism: false, hookTimeout: 300_000 },
});
