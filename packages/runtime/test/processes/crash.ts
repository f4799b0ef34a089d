import { crashPoint } from '../../src/index.ts';

for (let i = 1; i <= 4; i += 1) {
  crashPoint('other');
  crashPoint('after-decision');
  console.log(`passed ${i}`);
}
