/**
 * The Kafka protocol's name of an error, such as `MESSAGE_TOO_LARGE`; `undefined` when it is no protocol error.
 * kafkajs wraps what it gave up retrying, so that the name is somewhere along the causes.
 */
export function kafkaErrorType(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('type' in current && typeof current.type === 'string') return current.type;
  }
  return undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
