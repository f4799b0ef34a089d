// The lower bound of consuming: fetch in batches, commit, nothing else.
import { Kafka, logLevel } from 'kafkajs';

const [topic = '', groupId = ''] = process.argv.slice(2);
const batchSize = 500;

const kafka = new Kafka({
  brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','),
  logLevel: logLevel.NOTHING,
});
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 250 });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 3,
  eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary }) => {
    for (let start = 0; start < batch.messages.length; start += batchSize) {
      const last = batch.messages[Math.min(start + batchSize, batch.messages.length) - 1];
      if (last === undefined) return;
      const offset = String(BigInt(last.offset) + 1n);
      await commitOffsetsIfNecessary({
        topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset }] }],
      });
      resolveOffset(last.offset);
    }
  },
});
console.log('ready');
