import { suite } from '../vitest.shared.ts';

// On demand and nightly: what would not fit into the limits of a change's own tests.
export default suite({ name: 'long', stack: true, testTimeout: 3_600_000 });
