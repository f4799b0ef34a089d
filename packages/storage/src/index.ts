export { isPostgresOutage } from './outage.ts';
export { createPostgres, type Postgres, type PostgresOptions } from './postgres.ts';
