export { appendOnlyMigration, appendOnlyTrigger } from './append-only.ts';
export { databaseOf } from './database.ts';
export * from './driver.ts';
export { contentExpiry, type ExpiryOptions, expiry, responseExpiry } from './expiry.ts';
export {
  findResponse,
  idempotencyMigration,
  idempotentTransactions,
  runEachIdempotent,
  runIdempotent,
} from './idempotency.ts';
export { type Listen, listenWith, type Subscription } from './listen.ts';
export { millis } from './millis.ts';
export { type OwnConnection, ownConnection } from './own-connection.ts';
export { createPostgres, type Postgres, type PostgresOptions } from './postgres.ts';
export type { Database, RunSql, Sql, Transaction } from './sql.ts';
