export { answerExpiry } from './answer-expiry.ts';
export { bigintArray, byteaArray, intArray, textArray } from './binary-array.ts';
export { millis } from './millis.ts';
export { nativeQuery } from './native-query.ts';
export { isPostgresOutage } from './outage.ts';
export { createPostgres, type Postgres, type PostgresOptions } from './postgres.ts';
export { sendTogether } from './send-together.ts';
export {
  answerEachOnce,
  answerOnce,
  findAnswer,
  idempotencyMigration,
} from './stored-answers.ts';
