import { refusedLines } from './refused-lines.ts';
import { refusedMembers } from './refused-members.ts';

export { taken } from './taken.ts';
export type { OrderVector } from './vector.ts';

export const refused = [...refusedLines, ...refusedMembers];
