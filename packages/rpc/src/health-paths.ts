/** The pages that say whether a process is healthy, by what they show. */
export const healthPaths = {
  live: ['/health/live', '/up'],
  ready: ['/health/ready'],
  detailed: ['/health/detailed', '/health', '/api/v1/health'],
};

/** The pages that a management port takes off the port of calls. */
export const managementPaths: ReadonlySet<string> = new Set(['/health/detailed', '/metrics']);
