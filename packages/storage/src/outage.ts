/** Node's codes for a connection that could not be made or broke. */
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
 * SQLSTATE classes: connection, credentials, lost race, resources, operator's intervention, system. And what no row can
 * cause: a server that only reads (a primary that was one until just now), a transaction left idle, no such database, a
 * right taken away, a lock that somebody keeps.
 */
const serverCodes = /^((08|28|40|53|57|58)...|25006|25P03|3D000|42501|55P03)$/;

/** The driver has no codes for these. */
const driverMessages =
  /Connection terminated|timeout exceeded when trying to connect|connection error and is not queryable|Client has encountered a connection error/;

/** Whether an error says that Postgres can't work now, so that trying again later is right; not that data is wrong. */
export function isPostgresOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  if (networkCodes.has(code) || serverCodes.test(code) || driverMessages.test(error.message)) return true;
  // Several addresses tried, or the driver's error inside the mapper's.
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return inner.some(isPostgresOutage);
}
