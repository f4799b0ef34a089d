import type { Logger } from '@orderflow/runtime';
import kafkajs, { type Admin } from 'kafkajs';
import type { Kafka } from '../kafka.ts';
import { messageOf } from '../kafka-error.ts';
import { settingsOf, type TopicSpec } from './topic-spec.ts';

/** The size that the headers of a dead letter take at most when the broker refuses the rest. */
const MIN_LETTER_BYTES = 8_192;

interface Problem {
  readonly setting: string;
  readonly value: string;
  readonly wanted: string;
  readonly effect: string;
  /** Nothing can be written to the topic until this is fixed. */
  readonly isFatal?: true;
}

/**
 * Checks the settings of existing topics, which this system never changes. Settings that break a guarantee are logged
 * with the command that corrects them.
 * @throws when nothing could be written to a topic
 */
export async function checkTopicSettings(
  kafka: Kafka,
  admin: Admin,
  specs: readonly TopicSpec[],
): Promise<void> {
  const { logger } = kafka;
  const settings = await readSettings(kafka, admin, specs, logger);
  const fatal: string[] = [];
  for (const spec of specs) {
    const found = settings.get(spec.name);
    if (found === undefined) continue;
    for (const { setting, value, wanted, effect, isFatal } of problemsOf(spec, found)) {
      const command = commandFor(kafka.physicalName(spec.name), setting, wanted);
      if (isFatal) fatal.push(`topic ${spec.name}: ${setting} is ${value}: ${effect}; change it: ${command}`);
      else logger.warn({ topic: spec.name, setting, value, wanted, command }, `topic setting: ${effect}`);
    }
  }
  if (fatal.length > 0) throw new Error(fatal.join('\n'));
}

/** The wrong settings of a topic; `replicas` is the lowest number of replicas of its partitions. */
export function problemsOf(
  spec: TopicSpec,
  { values, replicas }: { readonly values: ReadonlyMap<string, string>; readonly replicas: number },
): Problem[] {
  const problems: Problem[] = [];
  const wanted = settingsOf(spec);
  const check = (setting: keyof typeof wanted, isWrong: (value: string) => boolean, effect: string) => {
    const value = values.get(setting);
    if (value !== undefined && isWrong(value)) {
      problems.push({ setting, value, wanted: wanted[setting], effect });
    }
  };
  const isLess = (value: string, than: string) =>
    value !== '-1' && (than === '-1' || BigInt(value) < BigInt(than));
  const lost = 'records may be deleted before they are read, or before they have to be read again';

  check('retention.ms', (value) => isLess(value, wanted['retention.ms']), lost);
  check('retention.bytes', (value) => isLess(value, wanted['retention.bytes']), lost);
  check(
    'max.message.bytes',
    (value) => isLess(value, wanted['max.message.bytes']),
    spec.isForDeadLetters
      ? 'large dead letters will lack their headers or their value'
      : 'the broker refuses records that are within the documented limit',
  );
  check(
    'compression.type',
    (value) => value !== wanted['compression.type'],
    `a compressed batch that expands beyond 16 MiB will stop its partition until an operator skips it`,
  );
  check(
    'cleanup.policy',
    (value) => value.includes('compact'),
    'records with the same key replace each other before they are read',
  );

  const inSync = values.get('min.insync.replicas');
  if (inSync !== undefined && Number(inSync) > replicas) {
    problems.push({
      setting: 'min.insync.replicas',
      value: inSync,
      wanted: String(Math.max(1, replicas - 1)),
      effect: `a partition has ${replicas} replicas only, so no record can be acknowledged`,
      isFatal: true,
    });
  } else if (inSync === '1' && replicas > 2) {
    problems.push({
      setting: 'min.insync.replicas',
      value: inSync,
      wanted: '2',
      effect: 'an acknowledged record may be lost if one broker is lost',
    });
  }
  if (!spec.isForDeadLetters) return problems;
  return problems.map((problem) => {
    if (problem.setting === 'cleanup.policy') {
      return { ...problem, effect: 'the broker refuses dead letters without a key', isFatal: true };
    }
    if (problem.setting === 'max.message.bytes' && Number(problem.value) < MIN_LETTER_BYTES) {
      return { ...problem, effect: 'the headers of a dead letter alone may not fit', isFatal: true };
    }
    return problem;
  });
}

function commandFor(topic: string, setting: string, value: string): string {
  return (
    'kafka-configs.sh --bootstrap-server $KAFKA_BROKERS --alter --entity-type topics ' +
    `--entity-name ${topic} --add-config ${setting}=${value}`
  );
}

/** By name without the prefix. Empty, with a warning, where the cluster does not permit reading them. */
async function readSettings(kafka: Kafka, admin: Admin, specs: readonly TopicSpec[], logger: Logger) {
  const names = specs.map(({ name }) => kafka.physicalName(name));
  const found = new Map<string, { values: Map<string, string>; replicas: number }>();
  try {
    const [{ resources }, { topics }] = await Promise.all([
      admin.describeConfigs({
        includeSynonyms: false,
        resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
      }),
      admin.fetchTopicMetadata({ topics: names }),
    ]);
    for (const { resourceName, configEntries } of resources) {
      const partitions = topics.find(({ name }) => name === resourceName)?.partitions ?? [];
      found.set(kafka.logicalName(resourceName), {
        values: new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
        replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      });
    }
  } catch (error) {
    logger.warn(
      { err: error },
      `settings of topics could not be checked, starting without the check: ${messageOf(error)}`,
    );
  }
  return found;
}
