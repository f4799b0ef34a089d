import type { Config } from './config.ts';

/** What Kafka's error means to the person at the terminal; undefined when it is another's error. */
export function kafkaProblem(error: unknown, { kafkaBrokers }: Config): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const brokers = kafkaBrokers.join(', ');
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|Connection (error|timeout)/.test(error.message)) {
    return `Kafka can't be reached at ${brokers}: is it up, and is KAFKA_BROKERS right? (${error.message})`;
  }
  return error.name.startsWith('KafkaJS') ? `Kafka at ${brokers} refused: ${error.message}` : undefined;
}
