import { badBodies, bodies } from './bodies.ts';
import { errors } from './errors.ts';
import { methods, missingPaths, paths } from './paths.ts';
import { puts } from './puts.ts';
import { queries } from './queries.ts';

export type { Vector } from './vector.ts';

export const vectors = [
  ...paths,
  ...missingPaths,
  ...methods,
  ...queries,
  ...bodies,
  ...badBodies,
  ...puts,
  ...errors,
];
