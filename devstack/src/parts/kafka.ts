import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { javaArtefacts, jvmOptions } from '../java.ts';
import type { PartKind } from '../part.ts';
import { ask } from '../ports.ts';

/** A single KRaft broker which is its own controller, on the port given and `controllerPort`. */
export function kafkaKind(controllerPort: number): PartKind {
  return {
    name: 'kafka',
    server: 'Apache Kafka 4.1, one broker',
    urlVariable: 'KAFKA_BROKERS',
    url: (port) => `127.0.0.1:${port}`,
    stopSignal: 'SIGTERM',
    readyLine: 'kafka is ready',
    responds: async (port) => (await ask('127.0.0.1', port)) !== undefined,
    async prepare({ dataDir, port, shortLived, onProgress }) {
      const { classpath } = await javaArtefacts(onProgress);
      await mkdir(dataDir, { recursive: true });
      const propertiesFile = path.join(dataDir, 'server.properties');
      await writeFile(propertiesFile, serverProperties(port, controllerPort, path.join(dataDir, 'log')));
      const logLevel = '-Dorg.slf4j.simpleLogger';
      const options = [
        ...jvmOptions(shortLived),
        `${logLevel}.defaultLogLevel=warn`,
        `${logLevel}.log.org.apache.kafka.clients=error`,
        `${logLevel}.showDateTime=true`,
        `${logLevel}.dateTimeFormat=HH:mm:ss.SSS`,
      ];
      const address = `127.0.0.1:${port}`;
      return {
        command: 'java',
        args: [...options, '-cp', classpath, 'orderflow.KafkaBroker', propertiesFile, address],
      };
    },
  };
}

function serverProperties(port: number, controllerPort: number, logDir: string): string {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': logDir,
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 3,
    'offsets.retention.minutes': 525_600,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 3,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // A killed consumer blocks its partitions for its session timeout: tests use short ones.
    'group.min.session.timeout.ms': 1_000,
    // A killed broker cannot register again before its former session has expired; one that is alive on a busy machine
    // must not lose its session.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'log.index.size.max.bytes': 1_048_576,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
