export * from './money.ts';
export * from './topics.ts';
