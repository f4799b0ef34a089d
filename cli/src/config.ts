import { type ConfigOf, defineSettings, durationMs, infrastructureSettings } from '@orderflow/runtime';

const { kafkaBrokers, topicPrefix } = infrastructureSettings;

/** Settings of `pnpm orders`. */
export const settings = defineSettings({
  kafkaBrokers,
  topicPrefix,
  sessionTimeoutMs: {
    env: 'KAFKA_SESSION_TIMEOUT',
    schema: durationMs,
    default: '10s',
    description: 'How long a replay that was killed keeps the next one waiting.',
  },
});

/** Everything `pnpm orders` needs to know. */
export type Config = ConfigOf<typeof settings>;
