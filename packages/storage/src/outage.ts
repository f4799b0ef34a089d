/** Node's codes for a connection that could not be established or broke. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * SQLSTATE classes: connection, credentials, serialization failure, resources, shutdown (57P), system. And errors that
 * no row can cause: a read-only server (a former primary), a transaction left idle, a missing database, a revoked
 * permission, a lock that another session keeps. Not 57014, a statement timeout: the server works, and the statement
 * may be to blame.
 */
const serverCodes = /^((08|28|40|53|58)...|57P..|25006|25P03|3D000|42501|55P03)$/;

/** Errors for which the driver has no codes. */
const driverMessages =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|connection error and is not queryable|Client has encountered a connection error/;

/** Whether an error says that Postgres is unavailable, so that retrying later can succeed; not that data is wrong. */
export function isPostgresOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  if (networkCodes.has(code) || serverCodes.test(code) || driverMessages.test(error.message)) return true;
  // Several addresses were tried, or the mapper has wrapped the driver's error.
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return inner.some(isPostgresOutage);
}

/** The SQLSTATE of an error, such as 23505; empty when it does not come from the server. */
export function sqlState(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * Whether a connection must not be used again after an error of a statement. Without a state the error is not the
 * server's: the connection is lost, or a value could not be encoded, after which the driver takes a prepared statement
 * for existing that it has closed.
 */
export function isUnusableAfter(error: unknown): boolean {
  return !/^[0-9A-Z]{5}$/.test(sqlState(error));
}
