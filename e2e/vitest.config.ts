import { suite } from '../vitest.shared.ts';

export default suite({ stack: true, testTimeout: 120_000 });
