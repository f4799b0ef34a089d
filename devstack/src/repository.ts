import path from 'node:path';

/** The root of the clone; `.orderflow` below it is ignored by git and holds all files of runs. */
export const repositoryRoot = path.join(import.meta.dirname, '../..');
