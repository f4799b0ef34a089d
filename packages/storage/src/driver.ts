// What needs no ORM: a program that reads with the driver alone, such as the CLI, starts without loading one.
export { bigintArray, byteaArray, intArray, textArray } from './binary-array.ts';
export { isPostgresOutage, sqlState } from './outage.ts';
export { type PostgresServer, postgresServer } from './postgres-server.ts';
