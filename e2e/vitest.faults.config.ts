import { suite } from '../vitest.shared.ts';

export default suite({ name: 'faults', stack: true, testTimeout: 180_000 });
