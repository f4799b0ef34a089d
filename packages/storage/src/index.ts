export { bigintArray, byteaArray, intArray, textArray } from './binary-array.ts';
export { type ExpiryOptions, expiry, responseExpiry } from './expiry.ts';
export {
  findResponse,
  idempotencyMigration,
  runEachIdempotent,
  runIdempotent,
} from './idempotency.ts';
export { type Listen, listenWith, type Subscription } from './listen.ts';
export { millis } from './millis.ts';
export { nativeQuery } from './native-query.ts';
export { isPostgresOutage } from './outage.ts';
export { type OwnConnection, ownConnection, type RunSql } from './own-connection.ts';
export { pipelined } from './pipelined.ts';
export { createPostgres, type Postgres, type PostgresOptions } from './postgres.ts';
export { type PostgresServer, postgresServer } from './postgres-server.ts';
